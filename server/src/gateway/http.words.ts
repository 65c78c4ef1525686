/** The languages of our pages on an app's host. */
export type Language = 'en' | 'zh'

/** The better of our languages for an Accept-Language header; English where none fits. */
export function languageOf(accept: string | undefined): Language {
  const ranked = (accept ?? '').split(',').map((part) => {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
    const quality = parameters.map((one) => /^\s*q=([\d.]+)$/.exec(one)?.[1]).find((one) => one !== undefined)
    return { tag, quality: quality === undefined ? 1 : Number(quality) }
  })
  ranked.sort((a, b) => b.quality - a.quality)
  const first = ranked.find(({ tag, quality }) => quality > 0 && /^(en|zh)(-|$)/.test(tag))
  return first?.tag.startsWith('zh') ? 'zh' : 'en'
}

/** What a page says: what is the case, and what to do. */
export interface Words {
  readonly title: string
  readonly text: string
}

/** Everything that our pages can be about. */
export type Subject =
  | 'queued'
  | 'preparing'
  | 'running'
  | 'unreachable'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'deleting'
  | 'unknown_host'
  | 'not_entered'
  | 'code_used'
  | 'foreign'
  | 'no_port'
  | 'no_listener'
  | 'no_answer'
  | 'stale'
  | 'crowded'

const words: Readonly<Record<Subject, Readonly<Record<Language, Words>>>> = {
  queued: {
    en: {
      title: 'Waiting for a place',
      text: 'It is queued, free of charge. This page opens the app by itself.',
    },
    zh: { title: '正在排队', text: '实例正在排队，不收费。就绪后本页会自动打开应用。' },
  },
  preparing: {
    en: {
      title: 'Starting',
      text: 'It is being prepared. You pay from the moment it answers; this page opens it then.',
    },
    zh: {
      title: '正在启动',
      text: '实例正在准备。从可以使用的那一刻起才计费；届时本页会自动打开。',
    },
  },
  running: {
    en: { title: 'Running', text: 'It is running. This page opens the app.' },
    zh: { title: '运行中', text: '实例正在运行，本页即将打开应用。' },
  },
  unreachable: {
    en: {
      title: 'Out of reach',
      text: 'Its machine has not been seen for a minute. Until it is seen again you pay nothing for it.',
    },
    zh: { title: '暂时无法连接', text: '所在机器已超过一分钟没有响应。恢复之前不收费。' },
  },
  stopping: {
    en: {
      title: 'Stopping',
      text: 'It is being stopped. Compute is free from the moment the stop was accepted.',
    },
    zh: { title: '正在停止', text: '实例正在停止。自接受停止请求起，计算不再收费。' },
  },
  stopped: {
    en: {
      title: 'Stopped',
      text: 'Compute costs nothing now; its volume is kept and charged as before. Start it in the console.',
    },
    zh: { title: '已停止', text: '现在不收计算费用；数据卷保留，照常收存储费。可在控制台启动。' },
  },
  failed: {
    en: {
      title: 'Not running',
      text: 'It ended unasked. Compute costs nothing now; its files are kept. The console says why.',
    },
    zh: { title: '未在运行', text: '实例意外结束。现在不收计算费用，文件已保留。原因见控制台。' },
  },
  deleting: {
    en: { title: 'Deleted', text: 'It is being deleted and costs nothing.' },
    zh: { title: '已删除', text: '实例正在删除，不再收费。' },
  },
  unknown_host: {
    en: {
      title: 'There is nothing here',
      text: 'No instance has this address. Check it, or open the app from the console.',
    },
    zh: { title: '这里什么也没有', text: '没有实例使用此地址。请检查地址，或从控制台打开应用。' },
  },
  not_entered: {
    en: {
      title: 'Open it from the console',
      text: 'This app is private. Open it from its page in the console.',
    },
    zh: { title: '请从控制台打开', text: '此应用不公开。请在控制台的实例页面打开。' },
  },
  code_used: {
    en: {
      title: 'This link was used',
      text: 'A link works once, for half a minute. Open the app from the console again.',
    },
    zh: { title: '链接已失效', text: '每个链接只能使用一次，半分钟内有效。请从控制台重新打开。' },
  },
  foreign: {
    en: {
      title: 'Refused',
      text: 'The request was caused by a page of another origin, so the app does not get it.',
    },
    zh: { title: '已拒绝', text: '此请求来自另一个网站的页面，不会转给应用。' },
  },
  no_port: {
    en: {
      title: 'This port is not open',
      text: 'The instance is running, but this port is not one of its doors.',
    },
    zh: { title: '端口未开放', text: '实例正在运行，但此端口没有开放。' },
  },
  no_listener: {
    en: {
      title: 'Nothing listens here',
      text: 'The instance is running, but no program answers on this port.',
    },
    zh: { title: '没有程序在监听', text: '实例正在运行，但没有程序在此端口应答。' },
  },
  no_answer: {
    en: {
      title: 'No answer',
      text: 'The program on this port gave no answer that can be passed on. Try again.',
    },
    zh: { title: '没有应答', text: '此端口的程序没有给出可以转发的应答。请重试。' },
  },
  stale: {
    en: {
      title: 'Just a moment',
      text: 'The platform cannot check who may enter just now. Instances keep running.',
    },
    zh: { title: '请稍候', text: '平台暂时无法检查访问权限。实例仍在运行。' },
  },
  crowded: {
    en: {
      title: 'Too many connections',
      text: 'This instance has as many open connections as it may have. Close some.',
    },
    zh: { title: '连接过多', text: '此实例的连接数已达上限。请关闭一些。' },
  },
}

/** What to say about a subject. */
export function wordsOf(subject: Subject, language: Language): Words {
  return words[subject][language]
}

/** What a state of an instance is called on our pages; an unknown state counts as not running. */
export function subjectOf(state: string): Subject {
  return isState(state) ? state : 'failed'
}

const states = [
  'queued',
  'preparing',
  'running',
  'unreachable',
  'stopping',
  'stopped',
  'failed',
  'deleting',
] as const

function isState(state: string): state is (typeof states)[number] {
  // Wider than the list's type, so that any text may be asked about.
  return (states as readonly string[]).includes(state)
}

/** The link on every page. */
export const consoleLink: Readonly<Record<Language, string>> = {
  en: 'Go to the console',
  zh: '前往控制台',
}
