// What the tests use of the two parsers of video.js, which bring no types of their own.

declare module 'm3u8-parser' {
  export interface ParsedSegment {
    readonly uri: string;
    readonly duration: number;
    readonly timeline: number;
    readonly discontinuity?: boolean;
    readonly byterange?: { readonly length: number; readonly offset: number };
    readonly map?: { readonly uri: string };
  }
  export interface ParsedMedia {
    readonly default: boolean;
    readonly autoselect: boolean;
    readonly language?: string;
    readonly uri?: string;
    readonly forced?: boolean;
    readonly characteristics?: string;
  }
  export interface ParsedPlaylist {
    readonly uri: string;
    readonly attributes: Readonly<
      Record<string, string | number | { readonly width: number; readonly height: number }>
    >;
  }
  export interface ParsedManifest {
    readonly version: number;
    readonly targetDuration: number;
    readonly mediaSequence: number;
    readonly playlistType: string;
    readonly endList: boolean;
    readonly independentSegments?: boolean;
    readonly iFramesOnly?: boolean;
    readonly discontinuityStarts: readonly number[];
    readonly segments: readonly ParsedSegment[];
    readonly playlists: readonly ParsedPlaylist[];
    readonly iFramePlaylists: readonly ParsedPlaylist[];
    readonly mediaGroups: Readonly<
      Record<'AUDIO' | 'SUBTITLES', Readonly<Record<string, Readonly<Record<string, ParsedMedia>>>>>
    >;
  }
  export class Parser {
    push(text: string): void;
    end(): void;
    on(event: 'warn' | 'info', listener: (message: { message: string }) => void): void;
    readonly manifest: ParsedManifest;
  }
}

declare module 'mpd-parser' {
  export interface ParsedRepresentation {
    readonly attributes: Readonly<Record<string, unknown>> & {
      readonly NAME: string;
      readonly BANDWIDTH: number;
      readonly CODECS: string;
      readonly RESOLUTION?: { readonly width: number; readonly height: number };
      readonly AUDIO?: string;
    };
    readonly endList: boolean;
    readonly targetDuration: number;
    readonly segments: readonly {
      readonly uri: string;
      readonly resolvedUri: string;
      readonly duration: number;
      readonly presentationTime: number;
      readonly number: number;
      readonly map?: { readonly uri: string; readonly resolvedUri: string };
    }[];
  }
  export interface ParsedMpd {
    readonly duration: number;
    readonly endList: boolean;
    readonly playlists: readonly ParsedRepresentation[];
    readonly mediaGroups: Readonly<
      Record<
        'AUDIO' | 'SUBTITLES',
        Readonly<
          Record<
            string,
            Readonly<
              Record<
                string,
                {
                  readonly language: string;
                  readonly default: boolean;
                  readonly playlists: readonly ParsedRepresentation[];
                }
              >
            >
          >
        >
      >
    >;
  }
  export function parse(
    text: string,
    options: {
      readonly manifestUri: string;
      readonly eventHandler?: (event: { type: string; message: string }) => void;
    },
  ): ParsedMpd;
}
