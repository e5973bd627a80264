/** One entry of the kernel's connection table, seen from who opened it. */
export interface Flow {
  readonly protocol: 'TCP' | 'UDP';
  readonly client: string;
  readonly clientPort: number;
  /** Who answers, after a Service's address was translated. */
  readonly server: string;
  readonly port: number;
}

const ENTRY =
  /^ipv[46]\s+\d+\s+(tcp|udp)\s+.*?src=(\S+) dst=\S+ sport=(\d+) dport=\d+.*? src=(\S+) dst=\S+ sport=(\d+) /;

/**
 * Reads `/proc/net/nf_conntrack` (nf_conntrack_standalone.c): each entry has the tuple of the original direction and of
 * the replies, whose source is the pod behind a Service.
 *
 * @returns what is neither TCP nor UDP is left out
 */
export function parseConntrack(text: string): Flow[] {
  return text.split('\n').flatMap((line) => {
    const match = ENTRY.exec(line);
    if (match?.[1] === undefined || match[2] === undefined || match[4] === undefined) return [];
    const protocol = match[1] === 'tcp' ? 'TCP' : 'UDP';
    return [{protocol, client: match[2], clientPort: Number(match[3]), server: match[4], port: Number(match[5])}];
  });
}
