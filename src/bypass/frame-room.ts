// What fits into a frame of our own TCP/IP. Not here: the frames.

/** The room that XDP keeps before a packet, and what a header and a tag may take, beside the IP packet. */
export const aroundPacketBytes = 320;
/** The longest IP packet that a frame takes. */
export const mostMtu: number = 4096 - aroundPacketBytes;
