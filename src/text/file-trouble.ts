// Why a file cannot be read or written, in words for people: Node's messages begin with a code, and end with a call and the path once more.
// Not here: what the host is short of (cli/kit/shortage.ts).

/** Why a file cannot be read or written, as the rest of a sentence: what the error's code means, else its own message. */
export function fileTrouble(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of its path is not a directory',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    ELOOP: 'its symbolic links go round in a circle',
    ENAMETOOLONG: 'the name is too long',
    ENXIO: 'nothing is behind that name',
  };
  // Node's message has the code in front, and the call and the path behind.
  return words[code ?? ''] ?? message.replace(/^[A-Z0-9]+: (.*?), [a-z]+(?: '.*)?$/s, '$1');
}
