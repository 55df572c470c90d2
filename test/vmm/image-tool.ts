// tools/build-image.mjs, which is JavaScript, as tests and benchmarks call it. Not here: images that the build made (support.ts).

interface ImageTool {
  readonly flags: readonly string[];
  withFixedMemory(text: string): string;
  missingTools(): string | undefined;
  buildImage(name: string, into: string, compiler: 'gcc' | 'own'): Promise<void>;
}

const tool = new URL('../../../tools/build-image.mjs', import.meta.url);
export const { missingTools, buildImage, withFixedMemory, flags: gccFlags } = (await import(tool.href)) as ImageTool;
