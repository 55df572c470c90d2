// Which media type a file name stands for: the extensions that mrmime leaves out (it keeps to the standard tree, without
// vnd. and x-) or names in a way that browsers refuse, names that fix their type without an extension, and extensions whose files
// are compressed by their very nature. Data only; what is made of it is in media-type.ts.
//
// Types are those of the IANA registry; where that has none, what Apache's mime.types, nginx's or the format's own document says.

/** Lines of a type and its extensions. */
const extensionLines = `
application/appinstaller appinstaller
application/appx appx
application/cbor cbor
application/dicom dcm
application/flatgeobuf fgb
application/geopackage+sqlite3 gpkg
application/graphql gql graphql
application/gzip tgz
application/json har topojson
application/jsonl jsonl
application/mp4 cmft
application/msix msix
application/msixbundle msixbundle
application/protobuf pb
application/vnd.android.package-archive apk
application/vnd.apache.arrow.file arrow feather
application/vnd.apache.arrow.stream arrows
application/vnd.apache.parquet parquet
application/vnd.apple.installer+xml mpkg
application/vnd.apple.keynote key
application/vnd.apple.mpegurl m3u8
application/vnd.apple.numbers numbers
application/vnd.apple.pages pages
application/vnd.apple.pkpass pkpass
application/vnd.apple.pkpasses pkpasses
application/vnd.dbf dbf
application/vnd.debian.binary-package deb udeb
application/vnd.flatpak.ref flatpakref
application/vnd.flatpak.repo flatpakrepo
application/vnd.garmin.tcx+xml tcx
application/vnd.google-earth.kml+xml kml
application/vnd.google-earth.kmz kmz
application/vnd.iccprofile icc icm
application/vnd.mapbox-vector-tile mvt
application/vnd.mozilla.xul+xml xul
application/vnd.ms-cab-compressed cab
application/vnd.ms-excel xla xlc xlm xls xlt xlw
application/vnd.ms-excel.addin.macroenabled.12 xlam
application/vnd.ms-excel.sheet.binary.macroenabled.12 xlsb
application/vnd.ms-excel.sheet.macroenabled.12 xlsm
application/vnd.ms-excel.template.macroenabled.12 xltm
application/vnd.ms-fontobject eot
application/vnd.ms-htmlhelp chm
application/vnd.ms-outlook msg
application/vnd.ms-powerpoint pot pps ppt
application/vnd.ms-powerpoint.presentation.macroenabled.12 pptm
application/vnd.ms-powerpoint.slideshow.macroenabled.12 ppsm
application/vnd.ms-powerpoint.template.macroenabled.12 potm
application/vnd.ms-project mpp
application/vnd.ms-word.document.macroenabled.12 docm
application/vnd.ms-word.template.macroenabled.12 dotm
application/vnd.ms-xpsdocument xps
application/vnd.msgpack msgpack
application/vnd.oasis.opendocument.chart odc
application/vnd.oasis.opendocument.database odb
application/vnd.oasis.opendocument.formula odf
application/vnd.oasis.opendocument.graphics odg
application/vnd.oasis.opendocument.graphics-template otg
application/vnd.oasis.opendocument.image odi
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.presentation-template otp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.spreadsheet-template ots
application/vnd.oasis.opendocument.text odt
application/vnd.oasis.opendocument.text-master odm
application/vnd.oasis.opendocument.text-template ott
application/vnd.openstreetmap.data+xml osm
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.presentationml.slideshow ppsx
application/vnd.openxmlformats-officedocument.presentationml.template potx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.spreadsheetml.template xltx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.openxmlformats-officedocument.wordprocessingml.template dotx
application/vnd.pmtiles pmtiles
application/vnd.rar rar
application/vnd.recordare.musicxml mxl
application/vnd.recordare.musicxml+xml musicxml
application/vnd.shp shp
application/vnd.shx shx
application/vnd.sqlite3 mbtiles sqlite sqlite3
application/vnd.tcpdump.pcap cap pcap
application/vnd.unity unityweb
application/vnd.visio vsd vsdx vss vst vsw
application/vnd.wordperfect wpd
application/x-7z-compressed 7z
application/x-apple-aspen-config mobileconfig
application/x-bittorrent torrent
application/x-brotli br
application/x-bzip2 bz2 tbz tbz2
application/x-chess-pgn pgn
application/x-chrome-extension crx
application/x-compress z
application/x-cpio cpio
application/x-csh csh
application/x-dvi dvi
application/x-gtar gtar
application/x-hdf h5 hdf hdf5
application/x-ipynb+json ipynb
application/x-java-jnlp-file jnlp
application/x-latex latex
application/x-lz4 lz4
application/x-lzh-compressed lha lzh
application/x-lzip lz
application/x-lzma lzma
application/x-mobipocket-ebook mobi prc
application/x-msaccess accdb mdb
application/x-ndjson ndjson
application/x-netcdf cdf nc
application/x-ns-proxy-autoconfig pac
application/x-pem-file pem
application/x-perl pl pm
application/x-pkcs12 p12 pfx
application/x-pkcs7-certificates p7b spc
application/x-plist plist
application/x-protobuf pbf
application/x-research-info-systems ris
application/x-rpm rpm
application/x-shockwave-flash swf
application/x-sh bash sh
application/x-shar shar
application/x-stuffit sit
application/x-subrip srt
application/x-tar tar
application/x-tcl tcl tk
application/x-tex tex
application/x-texinfo texi texinfo
application/x-web-app-manifest+json webapp
application/x-x509-ca-cert crt der
application/x-xpinstall xpi
application/x-xz txz xz
application/xml opml
application/xslt+xml xslt
application/yaml yaml yml
application/zip whl
application/zip+dotlottie lottie
application/zstd tzst zst
audio/aiff aif aifc aiff
audio/flac flac
audio/matroska mka
audio/mp4 cmfa m4a m4b
audio/x-caf caf
audio/x-mpegurl m3u
audio/x-ms-wma wma
audio/x-realaudio ra
chemical/x-cif cif
chemical/x-xyz xyz
image/jpeg jfif pjp pjpeg
image/svg+xml svgz
image/vnd.adobe.photoshop psd
image/vnd.djvu djv djvu
image/vnd.dwg dwg
image/vnd.dxf dxf
image/vnd.ms-dds dds
image/vnd.radiance hdr
image/vnd.wap.wbmp wbmp
image/x-adobe-dng dng
image/x-canon-cr2 cr2
image/x-icon cur ico
image/x-nikon-nef nef
image/x-pcx pcx
image/x-portable-anymap pnm
image/x-portable-bitmap pbm
image/x-portable-graymap pgm
image/x-portable-pixmap ppm
image/x-rgb rgb
image/x-tga tga
image/x-xbitmap xbm
image/x-xpixmap xpm
model/step step stp
model/vnd.collada+xml dae
model/vnd.usda usda
model/vnd.usdz+zip usdz
text/javascript cjs
text/plain bib cfg cs cts dart diz dockerfile el frag glsl go gradle hs java jl kt lock lua ml nfo nim properties
text/plain proto ps1 rb rs svelte swift tf tsx vert vue zig
text/vcard vcf
text/vnd.graphviz gv
text/vnd.wap.wml wml
text/x-c c cc cpp cxx h hh hpp
text/x-component htc
text/x-diff diff patch
text/x-org org
text/x-python py
text/x-sass sass
text/x-scss scss
video/3gpp 3gp 3gpp
video/3gpp2 3g2
video/matroska mkv
video/matroska-3d mk3d
video/mp4 cmfv m4v
video/x-flv flv
video/x-ms-asf asf asx
video/x-ms-wmv wmv
video/x-msvideo avi
`;

/**
 * Lines of a type and of paths behind `.well-known/` whose documents say it (the IANA registry of well-known URIs, and theirs). One that
 * ends in a slash is of the names beneath it: metadata of an issuer or a resource with a path (RFC 8414 section 3.1, RFC 9728 section
 * 3.1), or of one user.
 */
const wellKnownLines = `
application/entity-statement+jwt openid-federation
application/http-message-signatures-directory+json http-message-signatures-directory
application/jrd+json webfinger
application/json apple-app-site-association com.apple.remotemanagement gnap-as-rs gs1resolver http-opportunistic jmap
application/json matrix/client matrix/server matrix/support microsoft-identity-association nfv-oauth-server-configuration
application/json nodeinfo oauth-authorization-server oauth-protected-resource openid-configuration openid-credential-issuer
application/json passkey-endpoints smart-configuration ssf-configuration tor-relay uma2-configuration webauthn
application/json oauth-authorization-server/ oauth-protected-resource/ openid-configuration/ openid-credential-issuer/
application/json jwt-vc-issuer jwt-vc-issuer/ gnap-as-rs/ lnurlp/ nodeinfo/ uma2-configuration/
application/json web-app-origin-association web-identity browserid looking-glass authzen-configuration authzen-configuration/
application/link-format core
application/linkset+json api-catalog
application/ohttp-keys ohttp-gateway
application/private-token-issuer-directory private-token-issuer-directory
application/pvd+json pvd
application/resourcesync+xml resourcesync
application/td+json wot
application/tracking-status+json dnt
application/trafficadvice+json traffic-advice
application/xrd+xml host-meta
text/html change-password
text/plain apple-developer-domain-association apple-developer-merchantid-domain-association atproto-did csvm dat discord
text/plain openpgpkey/policy amphtml/apikey.pub hosting-provider
text/turtle void
`;

/**
 * Lines of a type and of names that fix it wherever they lie: text without an extension, which nginx and Apache leave to their default type; what
 * iOS up to 8 asks for in the root; what a browser that looks for its proxy by itself asks for (WPAD), and runs nothing of another type.
 */
const nameLines = `
text/plain AUTHORS CHANGELOG CHANGES CHECKSUMS CNAME CODEOWNERS CONTRIBUTING CONTRIBUTORS COPYING COPYRIGHT CREDITS Containerfile Dockerfile
text/plain Gemfile HISTORY INSTALL Jenkinsfile Justfile LICENCE LICENSE MAINTAINERS MANIFEST MD5SUMS Makefile NEWS NOTICE PATENTS Procfile README
text/plain Rakefile SECURITY SHA1SUMS SHA256SUMS SHA512SUMS THANKS TODO UNLICENSE VERSION Vagrantfile
application/json apple-app-site-association
application/x-ns-proxy-autoconfig wpad.dat
`;

/** So often the lines are looked through; then a map is made of them. A server that just started needs one or two of all the names. */
const looksInLines = 32;

/** Lines of a type and of the names that stand for it. */
class TypesByName {
  readonly #lines: string;
  #map: Map<string, string> | undefined;
  #looks = 0;

  constructor(lines: string) {
    this.#lines = lines;
  }

  /** The type that a name stands for. */
  get(name: string): string | undefined {
    if (this.#map === undefined && this.#looks++ >= looksInLines) this.#map = this.#byName();
    return this.#map === undefined ? this.#lookThrough(name) : this.#map.get(name);
  }

  #lookThrough(name: string): string | undefined {
    if (name === '' || /[ \n]/.test(name)) return undefined;
    const lines = this.#lines;
    for (let at = lines.indexOf(` ${name}`); at >= 0; at = lines.indexOf(` ${name}`, at + 1)) {
      const behind = lines[at + 1 + name.length];
      if (behind !== ' ' && behind !== '\n') continue;
      const start = lines.lastIndexOf('\n', at) + 1;
      return lines.slice(start, lines.indexOf(' ', start));
    }
    return undefined;
  }

  #byName(): Map<string, string> {
    const map = new Map<string, string>();
    for (const line of this.#lines.trim().split('\n')) {
      const [type = '', ...names] = line.split(' ');
      for (const name of names) map.set(name, type);
    }
    return map;
  }
}

/** Types by extension, in lower case, beside mrmime's. */
export const extensionTypes = new TypesByName(extensionLines);

/** Types by the path behind `.well-known/`. */
export const wellKnownTypes = new TypesByName(wellKnownLines);

/** Types by name, wherever the file lies. */
export const nameTypes = new TypesByName(nameLines);

/** Content codings of files that are compressed by their nature, by extension: SVG 1.1 section 1.2 says so of .svgz. */
export const codedExtensions: ReadonlyMap<string, string> = new Map([['svgz', 'gzip']]);
