// tools/build-image.mjs, which is JavaScript, as tests call it. Not here: images that the build made (support.ts).

interface ImageTool {
  missingTools(): string | undefined;
  buildImage(name: string, into: string, compiler?: 'gcc' | 'own'): Promise<void>;
}

const tool = new URL('../../../tools/build-image.mjs', import.meta.url);
export const { missingTools, buildImage } = (await import(tool.href)) as ImageTool;
