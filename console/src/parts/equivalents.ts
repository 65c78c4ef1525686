/** What the wizard asks for. */
export interface Asked {
  readonly name: string
  readonly image: string
  readonly flavor: string
  readonly volumeGib: number
}

/** The same as a command: what the console does, the CLI can do. */
export function asCommand({ name, image, flavor, volumeGib }: Asked): string {
  return `gpuhour launch ${name} --image ${image} --flavor ${flavor} --volume-gib ${volumeGib}`
}

/** The same as a request, for an API key. */
export function asRequest(asked: Asked, origin: string, project: string, id: string): string {
  return [
    `curl -X POST ${origin}/v1/projects/${project}/instances \\`,
    `  -H "Authorization: Bearer $GPUHOUR_API_KEY" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '${JSON.stringify({ id, ...asked })}'`,
  ].join('\n')
}

/** The line with which a terminal gets in. */
export function sshLine({ host, port, user }: { host: string; port: number; user: string }): string {
  return port === 22 ? `ssh ${user}@${host}` : `ssh -p ${port} ${user}@${host}`
}
