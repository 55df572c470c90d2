// The master playlist (multivariant playlist) of a film, or of the films of a group: RFC 8216 section 4.3.4 and Apple's authoring
// specification. Not here: the playlists it names (media-playlist.ts).

import { type AudioGroup, type AudioOffer, audioOf, type Source } from './audio-groups.js';
import { subtitleLabels } from './labels.js';
import { statedLanguage } from './language.js';
import { iFramePlaylistName, playlistName } from './names.js';
import { entriesInUse, type Member, type OfferedRendition, type OfferedSubtitle } from './offer.js';
import { iFrameTarget, ratesOf, withRates } from './rates.js';
import { quoted } from './text.js';
import { shownSize } from './video-shape.js';

/** A player that does not know the line yet does well with this many bits a second. */
const middlingBandwidth = 2_000_000;
const subtitleGroup = 'subs';
const transcribes = 'public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound';

interface Variant {
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  readonly attributes: readonly string[];
  readonly uri: string;
  /** Of the group of codecs that most players play. */
  readonly isCommon: boolean;
}

/**
 * The master playlist of the members, which are cut alike.
 * @param films the film that is asked for, and those of its group; at least one
 */
export function masterPlaylist(films: readonly Member[], subtitles: readonly OfferedSubtitle[]): string {
  const target = Math.max(...films.map(({ presentation }) => presentation.targetDuration));
  const members = withRates(films, target);
  const audio = audioOf(members, () => true);
  const videos = members.flatMap((member) =>
    member.presentation.renditions
      .filter(({ track }) => track.kind === 'video')
      .map((rendition): Source => ({ member, rendition })),
  );
  const lines = ['#EXTM3U', '#EXT-X-VERSION:7'];
  if (members.every(({ presentation }) => presentation.independent)) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  const named = videos.length > 0 || audio.choices.length > 1;
  if (named) lines.push(...audio.groups.flatMap((group) => audioLines(group, audio)));
  lines.push(...subtitleLines(subtitles));
  const variants = videos.length > 0 ? videoVariants(videos, audio) : audioVariants(audio, named);
  const shared = [...(subtitles.length > 0 ? [`SUBTITLES="${subtitleGroup}"`] : []), 'CLOSED-CAPTIONS=NONE'];
  for (const { bandwidth, averageBandwidth, attributes, uri } of inOrder(variants)) {
    const rates = [`BANDWIDTH=${bandwidth}`, `AVERAGE-BANDWIDTH=${averageBandwidth}`];
    lines.push(`#EXT-X-STREAM-INF:${[...rates, ...attributes, ...shared].join(',')}`, uri);
  }
  lines.push(...videos.flatMap((video) => iFrameLine(video, target)));
  return `${lines.join('\n')}\n`;
}

function uriOf({ member, rendition }: Source): string {
  return `${member.base}${member.version}/${playlistName(rendition.id)}`;
}

function audioLines(group: AudioGroup, audio: AudioOffer): string[] {
  return group.sources.flatMap((source, index) => {
    if (source === undefined) return [];
    const { label, language, isDefault, isFirstOfLanguage } = audio.choices[index]!;
    const { channels, objects } = entriesInUse(source.rendition)[0]!;
    const attributes = [
      'TYPE=AUDIO',
      `GROUP-ID="${group.id}"`,
      `NAME=${quoted(label)}`,
      ...languageAttribute(language),
      `DEFAULT=${yes(isDefault)}`,
      // Of several in one language a player could not choose by itself.
      `AUTOSELECT=${yes(isFirstOfLanguage)}`,
      ...(objects > 0 ? [`CHANNELS="${objects}/JOC"`] : channels > 0 ? [`CHANNELS="${channels}"`] : []),
      `URI=${quoted(uriOf(source))}`,
    ];
    return [`#EXT-X-MEDIA:${attributes.join(',')}`];
  });
}

function subtitleLines(subtitles: readonly OfferedSubtitle[]): string[] {
  const labels = subtitleLabels(subtitles);
  const preferred = subtitles.findIndex(({ isDefault }) => isDefault);
  return subtitles.map((subtitle, index) => {
    const attributes = [
      'TYPE=SUBTITLES',
      `GROUP-ID="${subtitleGroup}"`,
      `NAME=${quoted(labels[index]!)}`,
      ...languageAttribute(subtitle.language),
      `DEFAULT=${yes(index === preferred)}`,
      'AUTOSELECT=YES',
      `FORCED=${yes(subtitle.forced)}`,
      ...(subtitle.hearingImpaired ? [`CHARACTERISTICS="${transcribes}"`] : []),
      `URI=${quoted(`${subtitle.base}${subtitle.version}/${playlistName(subtitle.id)}`)}`,
    ];
    return `#EXT-X-MEDIA:${attributes.join(',')}`;
  });
}

function languageAttribute(language: string): string[] {
  const stated = statedLanguage(language);
  return stated === undefined ? [] : [`LANGUAGE=${quoted(stated)}`];
}

function yes(value: boolean): 'YES' | 'NO' {
  return value ? 'YES' : 'NO';
}

/** Each picture with each group of sound: what a variant says of its codecs is true of every member of its group. */
function videoVariants(videos: readonly Source[], audio: AudioOffer): Variant[] {
  return videos.flatMap((video) => {
    const { rendition } = video;
    const picture = pictureAttributes(rendition);
    const uri = uriOf(video);
    if (audio.groups.length === 0) {
      const attributes = [codecsAttribute([rendition]), ...picture];
      return [{ ...rates(rendition, []), attributes, uri, isCommon: true }];
    }
    return audio.groups.map((group, index) => {
      const sounds = renditionsOf(group);
      const attributes = [codecsAttribute([rendition, ...sounds]), ...picture, `AUDIO="${group.id}"`];
      return { ...rates(rendition, sounds), attributes, uri, isCommon: index === 0 };
    });
  });
}

/** A film without a picture: one variant a codec. A group is named only where there is a choice. */
function audioVariants(audio: AudioOffer, named: boolean): Variant[] {
  const preferred = audio.choices.findIndex(({ isDefault }) => isDefault);
  return audio.groups.flatMap((group, index) => {
    const source = group.sources[preferred] ?? group.sources.find((other) => other !== undefined);
    if (source === undefined) return [];
    const sounds = renditionsOf(group);
    const attributes = [codecsAttribute(sounds), ...(named ? [`AUDIO="${group.id}"`] : [])];
    return [{ ...rates(undefined, sounds), attributes, uri: uriOf(source), isCommon: index === 0 }];
  });
}

function renditionsOf(group: AudioGroup): OfferedRendition[] {
  return group.sources.flatMap((source) => source?.rendition ?? []);
}

/** The picture's rate and that of the largest sound that may be chosen with it. */
function rates(
  video: OfferedRendition | undefined,
  sounds: readonly OfferedRendition[],
): Pick<Variant, 'bandwidth' | 'averageBandwidth'> {
  const bandwidth = (video?.bandwidth ?? 0) + Math.max(0, ...sounds.map((sound) => sound.bandwidth));
  const average = (video?.averageBandwidth ?? 0) + Math.max(0, ...sounds.map((sound) => sound.averageBandwidth));
  const peak = Math.max(1, Math.ceil(bandwidth));
  return { bandwidth: peak, averageBandwidth: Math.min(peak, Math.max(1, Math.ceil(average))) };
}

function codecsAttribute(renditions: readonly OfferedRendition[]): string {
  const codecs = new Set(renditions.flatMap((rendition) => entriesInUse(rendition).map(({ codec }) => codec)));
  return `CODECS=${quoted([...codecs].join(','))}`;
}

function pictureAttributes(rendition: OfferedRendition): string[] {
  const attributes: string[] = [];
  const supplemental = new Set(entriesInUse(rendition).flatMap(({ supplementalCodec }) => supplementalCodec ?? []));
  if (supplemental.size > 0) attributes.push(`SUPPLEMENTAL-CODECS=${quoted([...supplemental].join(','))}`);
  const { width, height } = shownSize(rendition.track);
  if (width > 0 && height > 0) attributes.push(`RESOLUTION=${width}x${height}`);
  if (rendition.frameRate !== undefined) attributes.push(`FRAME-RATE=${rendition.frameRate.toFixed(3)}`);
  return [...attributes, ...rangeAttribute(rendition)];
}

function rangeAttribute(rendition: OfferedRendition): string[] {
  const wide = entriesInUse(rendition).find(({ videoRange }) => videoRange !== 'SDR');
  return wide === undefined ? [] : [`VIDEO-RANGE=${wide.videoRange}`];
}

/** A player begins with the first: the one nearest to 2 Mbit/s in the codecs that most play; then from the smallest up. */
function inOrder(variants: readonly Variant[]): Variant[] {
  const rising = [...variants].sort(
    (one, other) => one.bandwidth - other.bandwidth || Number(other.isCommon) - Number(one.isCommon),
  );
  const distance = ({ bandwidth }: Variant) => Math.abs(bandwidth - middlingBandwidth);
  const [first] = rising
    .filter(({ isCommon }) => isCommon)
    .sort((one, other) => distance(one) - distance(other) || one.bandwidth - other.bandwidth);
  return first === undefined ? rising : [first, ...rising.filter((variant) => variant !== first)];
}

/** @param target seconds, of all playlists of the members */
function iFrameLine({ member, rendition }: Source, target: number): string[] {
  const frames = member.iFrames(rendition);
  if (frames === undefined || frames.count === 0) return [];
  const { timescale } = rendition.track;
  const { peak, average } = ratesOf(frames, timescale, iFrameTarget(frames, timescale, target));
  const { width, height } = shownSize(rendition.track);
  const attributes = [
    `BANDWIDTH=${peak}`,
    `AVERAGE-BANDWIDTH=${average}`,
    codecsAttribute([rendition]),
    ...(width > 0 && height > 0 ? [`RESOLUTION=${width}x${height}`] : []),
    ...rangeAttribute(rendition),
    `URI=${quoted(`${member.base}${member.version}/${iFramePlaylistName(rendition.id)}`)}`,
  ];
  return [`#EXT-X-I-FRAME-STREAM-INF:${attributes.join(',')}`];
}
