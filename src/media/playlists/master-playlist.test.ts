import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  madeUpAudio,
  madeUpEntry,
  madeUpFilm,
  madeUpIFrames,
  madeUpMember,
  madeUpVideo,
} from '../../../test/support/made-up-films.js';
import { attributesOf, readPlaylist } from '../../../test/support/playlist-readers.js';
import { neighbourFolder } from './groups.js';
import { masterPlaylist } from './master-playlist.js';
import type { Offer, OfferedRendition, OfferedSubtitle } from './offer.js';

function master(
  renditions: readonly OfferedRendition[],
  more: Partial<Offer> = {},
  subtitles: OfferedSubtitle[] = [],
): string {
  const text = masterPlaylist([madeUpMember(madeUpFilm(renditions, more))], subtitles);
  readPlaylist(text);
  return text;
}

const variantsOf = (text: string) => attributesOf(text, 'EXT-X-STREAM-INF');
const mediaOf = (text: string) => attributesOf(text, 'EXT-X-MEDIA');

function audio(
  number: number,
  language: string,
  more: { format?: string; name?: string; enabled?: boolean; bandwidth?: number } = {},
) {
  const { format = 'mp4a', name = '', enabled = true, bandwidth = 128_000 } = more;
  const entries = [madeUpEntry(format, { channels: format === 'ac-3' ? 6 : 2 })];
  return madeUpAudio({ id: `a${number}`, bandwidth, track: { id: number + 1, language, name, enabled, entries } });
}

const subtitle = (language: string, more: Partial<OfferedSubtitle> = {}): OfferedSubtitle => ({
  id: `s-${language}`,
  language,
  forced: false,
  hearingImpaired: false,
  isDefault: false,
  base: '',
  version: '0badcafe',
  ...more,
});

test('P02: text from files has no control characters, quotes, marks of direction or half characters in a playlist', () => {
  const text = master([
    madeUpVideo(),
    audio(1, 'de', { name: '\u0000Ha"nd\r\n#EXT-X-ENDLIST\u2028le\u202er\ud800\ufeff' }),
    audio(2, 'a"\n<b'),
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f\u2028\u202e\ufeff]/);
  assert.ok(text.isWellFormed());
  assert.equal(text.split('\n').filter((line) => line.startsWith('#EXT-X-ENDLIST')).length, 0);
  const [first, second] = mediaOf(text);
  assert.equal(first!.NAME, "Ha'nd #EXT-X-ENDLIST le r\ufffd");
  assert.equal(second!.LANGUAGE, undefined, 'what is no tag is not stated');
});

test('P02: a name as long as a file is cut', () => {
  const text = master([madeUpVideo(), audio(1, 'de', { name: 'n'.repeat(1e6) })]);
  assert.equal(mediaOf(text)[0]!.NAME!.length, 100);
});

test('P06: URIs of the members of a group are percent-encoded', () => {
  const base = neighbourFolder('a "b"\n_480p.mp4');
  const text = masterPlaylist([madeUpMember(madeUpFilm([madeUpVideo()]), { base })], []);
  assert.match(text, /\n\.\.\/a%20%22b%22%0A_480p\.mp4\/3fa9c2d1\/v1\.m3u8\n/);
});

test('P14: the master says VERSION 7', () => {
  assert.equal(readPlaylist(master([madeUpVideo()])).version, 7);
});

test('P17: no PROGRAM-ID', () => assert.doesNotMatch(master([madeUpVideo()]), /PROGRAM-ID/));

test('P21: INDEPENDENT-SEGMENTS only when it is true of every film', () => {
  const whole = madeUpMember(madeUpFilm([madeUpVideo()]));
  const open = madeUpMember(madeUpFilm([madeUpVideo()], { independent: false }));
  assert.match(masterPlaylist([whole], []), /^#EXT-X-INDEPENDENT-SEGMENTS$/m);
  assert.doesNotMatch(masterPlaylist([whole, open], []), /INDEPENDENT/);
});

test('M10: names are different in a group', () => {
  const text = master([
    madeUpVideo(),
    audio(1, 'de', { name: 'Stereo' }),
    audio(2, 'en', { name: 'Stereo' }),
    audio(3, 'und'),
    audio(4, 'und'),
  ]);
  assert.deepEqual(
    mediaOf(text).map(({ NAME }) => NAME),
    ['Deutsch: Stereo', 'English: Stereo', 'Audio', 'Audio 2'],
  );
});

test('M11: one language twice: both are offered, the second with a number', () => {
  const { mediaGroups } = readPlaylist(
    master([madeUpVideo(), audio(1, 'en'), audio(2, 'en'), audio(3, 'en', { name: 'English 2' })]),
  );
  assert.deepEqual(Object.keys(mediaGroups.AUDIO.aac!), ['English', 'English 2', 'English 2 2']);
});

test('M12: one member is the default, the first that is enabled', () => {
  const text = master([madeUpVideo(), audio(1, 'de', { enabled: false }), audio(2, 'en'), audio(3, 'fr')]);
  assert.deepEqual(
    mediaOf(text).map(({ DEFAULT }) => DEFAULT),
    ['NO', 'YES', 'NO'],
  );
  const none = master([madeUpVideo(), audio(1, 'de', { enabled: false }), audio(2, 'en', { enabled: false })]);
  assert.deepEqual(
    mediaOf(none).map(({ DEFAULT }) => DEFAULT),
    ['YES', 'NO'],
  );
});

test('M13: the default may be chosen by itself, and so may the first of each language, but no second one', () => {
  const text = master([madeUpVideo(), audio(1, 'en'), audio(2, 'en', { name: 'Commentary' }), audio(3, 'fr')]);
  assert.deepEqual(
    mediaOf(text).map(({ AUTOSELECT }) => AUTOSELECT),
    ['YES', 'NO', 'YES'],
  );
  for (const media of mediaOf(text)) if (media.DEFAULT === 'YES') assert.equal(media.AUTOSELECT, 'YES');
});

test('M14: LANGUAGE is BCP 47, and left out where nobody said', () => {
  const text = master([madeUpVideo(), audio(1, 'pt-BR'), audio(2, 'und')]);
  assert.deepEqual(
    mediaOf(text).map(({ LANGUAGE }) => LANGUAGE),
    ['pt-BR', undefined],
  );
});

test('M15: CHANNELS is a string', () => {
  const text = master([madeUpVideo(), audio(1, 'en'), audio(2, 'en', { format: 'ac-3' })]);
  assert.match(text, /CHANNELS="2"/);
  assert.match(text, /CHANNELS="6"/);
  const entries = [madeUpEntry('ec-3', { channels: 6, objects: 16 })];
  assert.match(master([madeUpVideo(), madeUpAudio({ format: 'ec-3', track: { entries } })]), /CHANNELS="16\/JOC"/);
});

test('M16: codecs of sound are groups, with variants of their own, and CODECS is true of all members', () => {
  const text = master([madeUpVideo(), audio(1, 'en', { format: 'ac-3', bandwidth: 448_000 }), audio(2, 'en')]);
  assert.deepEqual(
    variantsOf(text).map((variant) => [variant.AUDIO, variant.CODECS]),
    [
      ['aac', 'avc1.64001f,mp4a.40.2'],
      ['ac-3', 'avc1.64001f,ac-3'],
    ],
  );
});

test('M17: groups offer the same choice: what AC-3 lacks is there in AAC; an AAC group never needs AC-3', () => {
  const text = master([madeUpVideo(), audio(1, 'en'), audio(2, 'de'), audio(3, 'en', { format: 'ac-3' })]);
  const { AUDIO } = readPlaylist(text).mediaGroups;
  assert.deepEqual(Object.keys(AUDIO['ac-3']!), Object.keys(AUDIO.aac!));
  assert.equal(AUDIO['ac-3']!.Deutsch!.uri, '3fa9c2d1/a2.m3u8');
  assert.equal(variantsOf(text).find((variant) => variant.AUDIO === 'ac-3')!.CODECS, 'avc1.64001f,ac-3,mp4a.40.2');
  const lacking = master([madeUpVideo(), audio(1, 'en'), audio(2, 'de', { format: 'ac-3' })]);
  assert.equal(variantsOf(lacking).find((variant) => variant.AUDIO === 'aac')!.CODECS, 'avc1.64001f,mp4a.40.2');
});

test('M17: of a group of films each sound is there once, from the film that has most of it', () => {
  const small = madeUpFilm([madeUpVideo({ bandwidth: 8e5 }), audio(1, 'en', { bandwidth: 64_000 })]);
  const large = madeUpFilm([madeUpVideo({ bandwidth: 5e6 }), audio(1, 'en', { bandwidth: 192_000 })]);
  const text = masterPlaylist(
    [madeUpMember(small), madeUpMember(large, { base: '../film_1080p.mp4/', version: '00000002' })],
    [],
  );
  assert.deepEqual(
    mediaOf(text).map(({ URI }) => URI),
    ['../film_1080p.mp4/00000002/a1.m3u8'],
  );
  assert.equal(variantsOf(text).length, 2);
});

test('M18: a film that is only heard: no EXT-X-MEDIA for one sound, a group for several', () => {
  const one = readPlaylist(master([audio(1, 'en')]));
  assert.deepEqual(
    one.playlists.map(({ uri, attributes }) => [uri, attributes.CODECS, attributes.AUDIO]),
    [['3fa9c2d1/a1.m3u8', 'mp4a.40.2', undefined]],
  );
  assert.deepEqual(one.mediaGroups.AUDIO, {});
  const two = readPlaylist(master([audio(1, 'en', { enabled: false }), audio(2, 'de')]));
  assert.deepEqual(
    two.playlists.map(({ uri, attributes }) => [uri, attributes.AUDIO]),
    [['3fa9c2d1/a2.m3u8', 'aac']],
  );
  assert.equal(Object.keys(two.mediaGroups.AUDIO.aac!).length, 2);
});

test('M19: a film that is only seen has no sound among its codecs', () => {
  const [variant] = variantsOf(master([madeUpVideo()]));
  assert.equal(variant!.CODECS, 'avc1.64001f');
  assert.equal(variant!.AUDIO, undefined);
});

test('M20: a variant says all that it uses', () => {
  const [variant] = variantsOf(master([madeUpVideo(), audio(1, 'en')], {}, [subtitle('en')]));
  assert.deepEqual(variant, {
    BANDWIDTH: '3128000',
    'AVERAGE-BANDWIDTH': '2502400',
    CODECS: 'avc1.64001f,mp4a.40.2',
    RESOLUTION: '1280x720',
    'FRAME-RATE': '25.000',
    AUDIO: 'aac',
    SUBTITLES: 'subs',
    'CLOSED-CAPTIONS': 'NONE',
  });
});

test('M21: RESOLUTION is the picture that is shown: a phone’s film stands upright', () => {
  for (const [rotation, resolution] of [
    [0, '1920x1080'],
    [90, '1080x1920'],
    [180, '1920x1080'],
    [270, '1080x1920'],
  ] as const) {
    const [variant] = variantsOf(master([madeUpVideo({ track: { width: 1920, height: 1080, rotation } })]));
    assert.equal(variant!.RESOLUTION, resolution);
  }
  assert.equal(variantsOf(master([madeUpVideo({ track: { width: 0 } })]))[0]!.RESOLUTION, undefined);
});

test('M22: VIDEO-RANGE for HDR, SUPPLEMENTAL-CODECS for Dolby Vision over HEVC', () => {
  const entry = madeUpEntry('hvc1', { videoRange: 'PQ', supplementalCodec: 'dvh1.08.07/db4h' });
  const [variant] = variantsOf(master([madeUpVideo({ track: { entries: [entry] } })]));
  assert.equal(variant!['VIDEO-RANGE'], 'PQ');
  assert.equal(variant!['SUPPLEMENTAL-CODECS'], 'dvh1.08.07/db4h');
  assert.equal(variant!.CODECS, 'hvc1.1.6.L93.B0');
  assert.equal(variantsOf(master([madeUpVideo()]))[0]!['VIDEO-RANGE'], undefined);
});

test('M23: BANDWIDTH is the picture’s peak and that of the largest sound in its group', () => {
  const text = master([
    madeUpVideo(),
    audio(1, 'en', { bandwidth: 96_000 }),
    audio(2, 'de', { bandwidth: 192_000.2 }),
    audio(3, 'en', { format: 'ac-3', bandwidth: 640_000 }),
  ]);
  assert.deepEqual(
    variantsOf(text).map(({ AUDIO, BANDWIDTH }) => [AUDIO, BANDWIDTH]),
    [
      ['aac', '3192001'],
      ['ac-3', '3640000'],
    ],
  );
});

test('M24: AVERAGE-BANDWIDTH is there, is a whole number, and is not above BANDWIDTH', () => {
  const [variant] = variantsOf(master([madeUpVideo({ bandwidth: 1000, averageBandwidth: 1200 })]));
  assert.equal(variant!['AVERAGE-BANDWIDTH'], '1000');
});

test('M25: FRAME-RATE has three decimals, and is left out where there is none', () => {
  const rate = (frameRate: number | undefined) => variantsOf(master([madeUpVideo({ frameRate })]))[0]!['FRAME-RATE'];
  assert.equal(rate(30_000 / 1001), '29.970');
  assert.equal(rate(undefined), undefined);
});

test('M26: the codec strings of HLS are in the registered case, and MP3 is mp4a.40.34', () => {
  for (const [format, codec] of [
    ['Opus', 'Opus'],
    ['fLaC', 'fLaC'],
    ['mp3', 'mp4a.40.34'],
    ['alac', 'alac'],
  ] as const) {
    assert.equal(variantsOf(master([audio(1, 'en', { format })]))[0]!.CODECS, codec);
  }
});

test('M27: several sample descriptions: all of their codecs', () => {
  const entries = [madeUpEntry('avc1'), madeUpEntry('avc1', { codec: 'avc1.4d401e' })];
  assert.equal(variantsOf(master([madeUpVideo({ track: { entries } })]))[0]!.CODECS, 'avc1.64001f,avc1.4d401e');
});

test('M30: the variant nearest to 2 Mbit/s is first, then from the smallest up', () => {
  const members = [8e6, 4e5, 1.8e6, 4e6].map((bandwidth, index) =>
    madeUpMember(madeUpFilm([madeUpVideo({ bandwidth })]), { base: `../f_${index}p.mp4/` }),
  );
  const rates = variantsOf(masterPlaylist(members, [])).map(({ BANDWIDTH }) => Number(BANDWIDTH));
  assert.deepEqual(rates, [1.8e6, 4e5, 4e6, 8e6]);
});

test('M30: the first variant has the sound that most players play', () => {
  const text = master([
    madeUpVideo({ bandwidth: 1.5e6 }),
    audio(1, 'en'),
    audio(2, 'en', { format: 'ac-3', bandwidth: 5e5 }),
  ]);
  assert.equal(variantsOf(text)[0]!.AUDIO, 'aac');
});

test('M23: rates of a group are by its target duration, which is the largest of its films', () => {
  // Its bytes are of 1 Mbit/s; what was measured by segments of its own is a moment’s peak.
  const short = madeUpFilm([{ ...madeUpVideo({ bandwidth: 1_000_000 }), bandwidth: 9_000_000 }]);
  const long = madeUpFilm([madeUpVideo({ bandwidth: 2_500_000 })], { targetDuration: 6 });
  const bandwidthsOf = (...films: Offer[]) =>
    variantsOf(
      masterPlaylist(
        films.map((film) => madeUpMember(film)),
        [],
      ),
    ).map(({ BANDWIDTH }) => Number(BANDWIDTH));
  assert.deepEqual(bandwidthsOf(short), [9_000_000]);
  assert.deepEqual(
    bandwidthsOf(short, long).map((rate) => Math.round(rate / 10_000)),
    [250, 100],
  );
});

test('M31: H.264 and H.265 in one group are both listed', () => {
  const members = ['avc1', 'hvc1'].map((format) => madeUpMember(madeUpFilm([madeUpVideo({ format })])));
  const codecs = variantsOf(masterPlaylist(members, [])).map(({ CODECS }) => CODECS);
  assert.deepEqual(codecs.sort(), ['avc1.64001f', 'hvc1.1.6.L93.B0']);
});

test('M40: subtitles are a group; forced ones and those for people who do not hear say so; none is on unless its name says so', () => {
  const all = [
    subtitle('en'),
    subtitle('en', { id: 's-en-sdh', hearingImpaired: true }),
    subtitle('de', { id: 's-de-forced', forced: true }),
    subtitle('und'),
  ];
  const text = master([madeUpVideo()], {}, all);
  assert.deepEqual(
    mediaOf(text).map(({ NAME, DEFAULT, AUTOSELECT, FORCED, URI }) => [NAME, DEFAULT, AUTOSELECT, FORCED, URI]),
    [
      ['English', 'NO', 'YES', 'NO', '0badcafe/s-en.m3u8'],
      ['English (SDH)', 'NO', 'YES', 'NO', '0badcafe/s-en-sdh.m3u8'],
      ['Deutsch (forced)', 'NO', 'YES', 'YES', '0badcafe/s-de-forced.m3u8'],
      ['Subtitles', 'NO', 'YES', 'NO', '0badcafe/s-und.m3u8'],
    ],
  );
  assert.match(mediaOf(text)[1]!.CHARACTERISTICS!, /^public\.accessibility\.transcribes-spoken-dialog,/);
  const chosen = master([madeUpVideo()], {}, [
    subtitle('en', { isDefault: true }),
    subtitle('de', { isDefault: true }),
  ]);
  assert.deepEqual(
    mediaOf(chosen).map(({ DEFAULT }) => DEFAULT),
    ['YES', 'NO'],
  );
});

test('M51: the I-frame playlist is named, with its peak, its codec alone and its size', () => {
  const video = madeUpVideo();
  const presentation = madeUpFilm([video, audio(1, 'en')]);
  const text = masterPlaylist([madeUpMember(presentation, { iFrames: madeUpIFrames })], []);
  const [frames] = attributesOf(text, 'EXT-X-I-FRAME-STREAM-INF');
  assert.deepEqual(frames, {
    // Of two pictures: the last ones are shorter by themselves than half a target duration.
    BANDWIDTH: String(Math.ceil(((20_006 + 20_007) * 8) / 2.5)),
    'AVERAGE-BANDWIDTH': String(Math.round(((8 * 20_000 + 28) * 8) / 14.5)),
    CODECS: 'avc1.64001f',
    RESOLUTION: '1280x720',
    URI: '3fa9c2d1/v1-iframes.m3u8',
  });
  assert.equal(readPlaylist(text).iFramePlaylists[0]!.uri, '3fa9c2d1/v1-iframes.m3u8');
});
