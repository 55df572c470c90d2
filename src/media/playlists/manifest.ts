// The MPD of a film, or of the films of a group (ISO 23009-1, profile isoff-live): the same segments as in HLS, named by template and
// listed by their times. Not here: how XML is written (xml.ts).

import { type AudioChoice, type AudioOffer, audioOf, codecFamily, type Source } from './audio-groups.js';
import { subtitleLabels } from './labels.js';
import { statedLanguage } from './language.js';
import { initSegmentName, mediaSegmentName, subtitleName } from './names.js';
import {
  descriptionChanges,
  entriesInUse,
  type Member,
  type OfferedEntry,
  type OfferedRendition,
  type OfferedSubtitle,
  segmentAtChange,
  startSeconds,
} from './offer.js';
import { frameRateFraction, shapesOf, shownSize, turnedSize } from './video-shape.js';
import { type Attributes, element, elementText } from './xml.js';

const liveProfile = 'urn:mpeg:dash:profile:isoff-live:2011';
const cmafProfile = 'urn:mpeg:dash:profile:cmaf:2019';
const roles = 'urn:mpeg:dash:role:2011';
const channelConfiguration = 'urn:mpeg:mpegB:cicp:ChannelConfiguration';
const transferCharacteristics = 'urn:mpeg:mpegB:cicp:TransferCharacteristics';
const objectsKind = 'tag:dolby.com,2018:dash:EC3_ExtensionType:2018';
const objectsCount = 'tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018';
const hardOfHearing = { schemeIdUri: 'urn:tva:metadata:cs:AudioPurposeCS:2007', value: '2' };
/** Configuration of ISO 23091-3 by the number of channels: seven are 6.1, eight 7.1 with rear speakers. */
const configurations = [0, 1, 2, 3, 4, 5, 6, 11, 12];
/** A subtitle's rate is never 0, and nobody chooses by it. */
const subtitleBandwidth = 256;

/** The part of the film that one Period shows: from here until before there, in seconds. */
interface Span {
  readonly index: number;
  readonly from: number;
  readonly to: number | undefined;
}

/**
 * The manifest of the members, which are cut alike. A film that goes on with another sample description goes on in a new Period.
 * @param members the film that is asked for, and those of its group; at least one
 */
export function manifest(members: readonly Member[], subtitles: readonly OfferedSubtitle[]): string {
  const renditions = members.flatMap(({ presentation }) => presentation.renditions.filter(isForDash));
  const duration = Math.max(...renditions.map((rendition) => startSeconds(rendition, rendition.segments.count)));
  const changes = descriptionChanges(renditions);
  const spans = [0, ...changes].map((from, index): Span => ({ index, from, to: changes[index] }));
  const attributes = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: renditions.some(({ segments }) => segments.hasStretches) ? liveProfile : `${liveProfile},${cmafProfile}`,
    type: 'static',
    mediaPresentationDuration: seconds(duration),
    minBufferTime: 'PT2S',
  };
  const choices = { sets: pictureSets(members), audio: audioOf(members, isForDash) };
  const periods = spans.map((span) => period(members, subtitles, choices, span));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('MPD', attributes, periods)}\n`;
}

/** Whether DASH has anything of the members: a manifest of nothing is of no use to a player. */
export function isInDash(members: readonly Member[]): boolean {
  return members.some(({ presentation }) => presentation.renditions.some(isForDash));
}

/** Between what a player may choose, in each Period: pictures by set, and sound. */
interface Choices {
  readonly sets: readonly (readonly Source[])[];
  readonly audio: AudioOffer;
}

function period(
  members: readonly Member[],
  subtitles: readonly OfferedSubtitle[],
  { sets: pictures, audio }: Choices,
  span: Span,
): string {
  const sets = [
    ...videoSets(members, pictures, span),
    ...audio.groups.flatMap((group, index) =>
      group.sources.flatMap((source, choice) => {
        // A track that fills in for another codec has its own set already.
        const isFill = audio.groups.slice(0, index).some(({ sources }) => sources[choice] === source);
        return source === undefined || isFill ? [] : audioSet(members, source, audio.choices[choice]!, span);
      }),
    ),
    ...subtitleSets(subtitles, span),
  ];
  const numbered = sets.map((write, index) => write(index + 1));
  return element('Period', { id: span.index + 1, start: seconds(span.from) }, numbered);
}

type SetWriter = (id: number) => string;

/** The first segment that a Period has of a rendition; one behind its last where it has none. */
function firstIn(rendition: OfferedRendition, { index, from }: Span): number {
  return index === 0 ? 0 : segmentAtChange(rendition, from);
}

/** What describes a rendition's samples in a Period; in one that has none of it, those of its last one. */
function entryIn(rendition: OfferedRendition, span: Span): OfferedEntry {
  const { segments } = rendition;
  return entriesInUse(rendition)[segments.init(Math.min(firstIn(rendition, span), segments.count - 1))]!;
}

/** ALAC is for Apple's players, which play HLS. */
function isForDash(rendition: OfferedRendition): boolean {
  return entriesInUse(rendition).every(({ format }) => format !== 'alac');
}

/** Pictures between which a player may change: of one codec, and cut at the same times. */
function pictureSets(members: readonly Member[]): Source[][] {
  const sets: Source[][] = [];
  for (const member of members) {
    for (const rendition of member.presentation.renditions) {
      if (rendition.track.kind !== 'video' || !isForDash(rendition)) continue;
      const set = sets.find(([first]) => fitsTogether(first!.rendition, rendition));
      if (set === undefined) sets.push([{ member, rendition }]);
      else set.push({ member, rendition });
    }
  }
  return sets;
}

function videoSets(members: readonly Member[], sets: readonly (readonly Source[])[], span: Span): SetWriter[] {
  return sets.flatMap((set) => {
    const representations = set.flatMap((source) =>
      representation(members, source, span, pictureOf(source.rendition, entryIn(source.rendition, span))),
    );
    if (representations.length === 0) return [];
    const sizes = set.map(({ rendition }) => shownSize(rendition.track));
    const largest = sizes.reduce((one, other) => (other.width * other.height > one.width * one.height ? other : one));
    const { rendition } = set[sizes.indexOf(largest)]!;
    const frameRate = Math.max(...set.map(({ rendition }) => rendition.frameRate ?? 0));
    const independent = set.every(({ member }) => member.presentation.independent);
    const attributes = {
      contentType: 'video',
      mimeType: 'video/mp4',
      segmentAlignment: 'true',
      // 3: pictures behind the first one may be shown before it and need the segment before (open GOP).
      startWithSAP: independent ? 1 : 3,
      par: shapesOf(rendition.track, entryIn(rendition, span)).par,
      maxWidth: largest.width || undefined,
      maxHeight: largest.height || undefined,
      maxFrameRate: frameRate > 0 ? frameRateFraction(frameRate) : undefined,
    };
    const role = element('Role', { schemeIdUri: roles, value: 'main' });
    return [(id: number) => element('AdaptationSet', { id, ...attributes }, [role, ...representations])];
  });
}

/** Whether two pictures are of one codec and cut at the same times, within half a frame of 60 a second. */
function fitsTogether(one: OfferedRendition, other: OfferedRendition): boolean {
  const { count } = one.segments;
  if (codecFamily(one) !== codecFamily(other) || count !== other.segments.count) return false;
  for (let k = 0; k < count; k++) if (Math.abs(startSeconds(one, k) - startSeconds(other, k)) > 1 / 120) return false;
  return true;
}

function pictureOf(
  { track, frameRate }: OfferedRendition,
  entry: OfferedEntry,
): { attributes: Attributes; children: readonly string[] } {
  const shown = shownSize(track);
  const coded = turnedSize(entry, track.rotation);
  return {
    attributes: {
      width: coded.width || shown.width || undefined,
      height: coded.height || shown.height || undefined,
      frameRate: frameRate === undefined ? undefined : frameRateFraction(frameRate),
      sar: shapesOf(track, entry).sar,
    },
    children:
      entry.videoRange === 'SDR'
        ? []
        : [
            element('SupplementalProperty', {
              schemeIdUri: transferCharacteristics,
              value: entry.videoRange === 'PQ' ? 16 : 18,
            }),
          ],
  };
}

function audioSet(members: readonly Member[], source: Source, choice: AudioChoice, span: Span): SetWriter[] {
  const { track } = source.rendition;
  const { channels, objects, sampleRate } = entryIn(source.rendition, span);
  const shape = { attributes: { audioSamplingRate: sampleRate || undefined }, children: [] };
  const representations = representation(members, source, span, shape);
  if (representations.length === 0) return [];
  const configuration = configurations[channels] ?? 0;
  const role = choice.isDefault ? 'main' : /comment/i.test(track.name) ? 'commentary' : 'alternate';
  const children = [
    ...(configuration === 0
      ? []
      : [element('AudioChannelConfiguration', { schemeIdUri: channelConfiguration, value: configuration })]),
    ...(objects === 0
      ? []
      : [
          element('SupplementalProperty', { schemeIdUri: objectsKind, value: 'JOC' }),
          element('SupplementalProperty', { schemeIdUri: objectsCount, value: objects }),
        ]),
    elementText('Label', choice.label),
    element('Role', { schemeIdUri: roles, value: role }),
    ...representations,
  ];
  const attributes = { lang: statedLanguage(choice.language), contentType: 'audio', mimeType: 'audio/mp4' };
  return [
    (id: number) =>
      element('AdaptationSet', { id, ...attributes, segmentAlignment: 'true', startWithSAP: 1 }, children),
  ];
}

/** A subtitle is one file: players take it whole, and whole it needs no timeline. */
function subtitleSets(subtitles: readonly OfferedSubtitle[], span: Span): SetWriter[] {
  const labels = subtitleLabels(subtitles);
  return subtitles.map((subtitle, index) => {
    const { language, forced, hearingImpaired, base, version } = subtitle;
    const url = elementText('BaseURL', `${base}${version}/${subtitleName(subtitle.id)}`);
    // The text counts from the film's beginning, whatever Period it is in.
    const offset = { timescale: 1000, presentationTimeOffset: Math.round(span.from * 1000) };
    const timing = span.index === 0 && span.to === undefined ? [] : [element('SegmentBase', offset)];
    const children = [
      elementText('Label', labels[index]!),
      ...(hearingImpaired ? [element('Accessibility', hardOfHearing)] : []),
      element('Role', { schemeIdUri: roles, value: forced ? 'forced-subtitle' : 'subtitle' }),
      element('Representation', { id: subtitle.id, bandwidth: subtitleBandwidth }, [url, ...timing]),
    ];
    const attributes = { lang: statedLanguage(language), contentType: 'text', mimeType: 'text/vtt' };
    return (id: number) => element('AdaptationSet', { id, ...attributes }, children);
  });
}

/** One, or none where the rendition has nothing in the span. */
function representation(
  members: readonly Member[],
  { member, rendition }: Source,
  span: Span,
  shape: { attributes: Attributes; children: readonly string[] },
): string[] {
  const { segments, track } = rendition;
  const first = firstIn(rendition, span);
  const end = span.to === undefined ? segments.count : segmentAtChange(rendition, span.to);
  if (first >= end) return [];
  const folder = `${member.base}${member.version}/`;
  const offset = Math.round(span.from * track.timescale);
  const template = {
    timescale: track.timescale,
    presentationTimeOffset: offset === 0 ? undefined : offset,
    initialization: folder + initSegmentName(rendition.id, segments.init(first) + 1),
    media: folder + mediaSegmentName(rendition.id, '$Number$'),
    startNumber: first + 1,
  };
  const timeline = element('SegmentTimeline', {}, timelineOf(rendition, first, end));
  // Two films of a group have a `v1` each.
  const id = members.length === 1 ? rendition.id : `${members.indexOf(member) + 1}-${rendition.id}`;
  const attributes = {
    id,
    codecs: entryIn(rendition, span).dashCodec,
    bandwidth: Math.max(1, Math.ceil(rendition.bandwidth)),
    ...shape.attributes,
  };
  return [element('Representation', attributes, [...shape.children, element('SegmentTemplate', template, [timeline])])];
}

/** `S` elements: one for each run of segments that are equally long; `t` where the time does not simply go on. */
function timelineOf({ segments }: OfferedRendition, first: number, end: number): string[] {
  const lines: string[] = [];
  let next: number | undefined;
  for (let k = first; k < end; ) {
    const t = segments.startTicks(k);
    const d = segments.durationTicks(k);
    let repeats = 0;
    while (
      k + repeats + 1 < end &&
      segments.durationTicks(k + repeats + 1) === d &&
      segments.startTicks(k + repeats + 1) === t + d * (repeats + 1)
    ) {
      repeats++;
    }
    lines.push(element('S', { t: t === next ? undefined : t, d, r: repeats === 0 ? undefined : repeats }));
    next = t + d * (repeats + 1);
    k += repeats + 1;
  }
  return lines;
}

/** A duration of XML Schema with 6 decimals. */
function seconds(value: number): string {
  return `PT${value.toFixed(6)}S`;
}
