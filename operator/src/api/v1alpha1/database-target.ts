/** Where and as whom to ask a database. The credentials come from Secrets and stay in memory. */
export interface DatabaseTarget {
  readonly namespace: string;
  readonly pod: string;
  /** Pod IP of the server. */
  readonly host: string;
  /** 33062 is the admin interface, which answers also when max_connections is reached. */
  readonly port: number;
  /** Name in the server's certificate. */
  readonly serverName: string;
  readonly ca: string;
  readonly user: string;
  readonly password: string;
}
