/** What a build has to know of this machine, and an image must not. */
export interface HostFacts {
  /** PEM file with the authorities that TLS here needs; null where the image's own will do. */
  readonly caBundle: string | null
  /** pip's settings, as its variables: `PIP_INDEX_URL` and the like. */
  readonly pip: ReadonlyMap<string, string>
  /** `http_proxy` and its kin, as the engine passes them to builds without keeping them. */
  readonly proxies: ReadonlyMap<string, string>
}

/** The settings of pip that say where packages come from, and how long to wait for them. */
const pipSettings = [
  'index-url',
  'extra-index-url',
  'trusted-host',
  'proxy',
  'timeout',
  'default-timeout',
  'retries',
]
const proxyNames = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
const debianBundle = '/etc/ssl/certs/ca-certificates.crt'

/**
 * Reads what a build needs from the machine's environment and pip's files (texts, the most general first:
 * pip's own order, in which the environment has the last word). `exists` tells whether a file is there.
 */
export function hostFactsOf(
  environment: ReadonlyMap<string, string>,
  pipFiles: readonly string[],
  exists: (path: string) => boolean,
): HostFacts {
  const configured = new Map(pipFiles.flatMap((text) => [...globalSettings(text)]))
  const pip = new Map<string, string>()
  for (const setting of pipSettings) {
    const name = `PIP_${setting.toUpperCase().replaceAll('-', '_')}`
    const value = environment.get(name) ?? configured.get(setting)
    if (value !== undefined && value !== '') pip.set(name, value)
  }
  const bundles = [
    environment.get('PIP_CERT'),
    configured.get('cert'),
    environment.get('SSL_CERT_FILE'),
    debianBundle,
  ]
  const caBundle = bundles.find((path) => path !== undefined && path !== '' && exists(path)) ?? null
  const proxies = new Map(
    proxyNames.flatMap((name) => {
      const value = environment.get(name)
      return value === undefined || value === '' ? [] : [[name, value] as const]
    }),
  )
  return { caBundle, pip, proxies }
}

/**
 * `[global]` and `[install]` of a pip.conf; a value over several lines becomes one, its parts apart by
 * blanks.
 */
function globalSettings(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  let isOurs = false
  let last: string | null = null
  for (const line of text.split('\n')) {
    const section = /^\[(.+)\]\s*$/.exec(line)
    const pair = /^([A-Za-z_-]+)\s*[=:]\s*(.*)$/.exec(line)
    if (section) isOurs = section[1] === 'global' || section[1] === 'install'
    if (!isOurs || section || /^\s*([#;].*)?$/.test(line)) continue
    if (pair) {
      last = (pair[1] ?? '').toLowerCase().replaceAll('_', '-')
      settings.set(last, (pair[2] ?? '').trim())
    } else if (last !== null && /^\s/.test(line)) {
      settings.set(last, `${settings.get(last) ?? ''} ${line.trim()}`.trim())
    }
  }
  return settings
}

/** pip's variables as a file that a shell reads: each value in single quotes. */
export function shellFileOf(variables: ReadonlyMap<string, string>): string {
  return [...variables].map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`).join('')
}
