import type { Words } from './mails.rules.ts'

const scopes = { organization: '组织', project: '项目', key: 'API 密钥', person: '成员', job: '任务' }
const actions = {
  warn: '不会停止任何实例或任务。',
  refuse: '达到上限后，将拒绝新的启动。',
  stop: '达到上限后，由它支付的实例和任务将被停止。',
}

/** The mails in Chinese. */
export const chinese: Words = {
  'balance.low': (data, { organization: us, console, money, when }) => {
    const { minutes, currency, stops } = data
    const [left, burn] = [money(data.liveNanos, currency), money(data.nanosPerHour, currency)]
    return [
      `余额仅够使用 ${minutes} 分钟：${us}`,
      `如果没有变化，${us} 的余额可用到 ${when(data.runwayUntil)}。`,
      `剩余 ${left}，每小时消费 ${burn}。`,
      stops.length > 0
        ? `届时将停止：\n${stops.map(({ name }) => `- ${name}`).join('\n')}`
        : '当前没有实例运行：这是存储的费用。',
      `请保存检查点，或充值：${console}/billing`,
    ]
  },
  'balance.used_up': (data, { organization: us, console, money }) => [
    `余额已用完：${us}`,
    `${us} 的余额已用完。正在运行的实例和任务正在停止，从现在起不再计费。`,
    '主目录和存储卷会保留。',
    `余额：${money(data.liveNanos, data.currency)}。充值：${console}/billing`,
  ],
  'payment.received': (data, { organization: us, console, money }) => {
    const sum = money(data.amountNanos, data.currency)
    return [
      `已收到付款：${us} ${sum}`,
      `${sum} 已到账，并计入 ${us} 的余额。`,
      `付款 ${data.payment}：${console}/billing`,
    ]
  },
  'payment.failed': (data, { organization: us, console, money }) => [
    `付款失败：${us}`,
    `${us} 的一笔 ${money(data.amountNanos, data.currency)} 付款未成功：${data.reason}。`,
    `余额没有增加。请重试：${console}/billing`,
  ],
  'payment.refunded': (data, { organization: us, console, money }) => {
    const sum = money(data.amountNanos, data.currency)
    return [`退款：${us} ${sum}`, `${us} 的 ${sum} 将原路退回。`, `付款 ${data.payment}：${console}/billing`]
  },
  'payment.disputed': (data, { organization: us, console, money }) => [
    `付款存在争议：${us}`,
    `${us} 的一笔 ${money(data.amountNanos, data.currency)} 付款在银行被提出争议。`,
    '在解决之前，这笔钱不在余额中。',
    `付款 ${data.payment}：${console}/billing`,
  ],
  'credit.expiring': (data, { organization: us, console, money, when }) => {
    const sum = money(data.amountNanos, data.currency)
    return [
      `赠金即将到期：${us} ${sum}`,
      `${us} 的 ${sum} 赠金如未使用，将于 ${when(data.expiresAt)} 失效。`,
      `查看：${console}/billing`,
    ]
  },
  'invoice.finalized': (data, { organization: us, console, money, when }) => {
    const total = money(data.totalNanos, data.currency)
    return [
      `账单 ${data.number}：${total}`,
      `${us} 的账单 ${data.number} 已出具。`,
      `自 ${when(data.from)}\n至 ${when(data.to)}\n合计：${total}`,
      `查看：${console}/billing`,
    ]
  },
  'credit_note.issued': (data, { organization: us, console, money }) => {
    const total = money(data.totalNanos, data.currency)
    return [
      `贷项通知单 ${data.number}：${total}`,
      `${us} 的贷项通知单 ${data.number} 更正了此前的账单，金额 ${total}。`,
      `查看：${console}/billing`,
    ]
  },
  'budget.reached': (data, { organization: us, console, money }) => {
    const [spent, limit] = [money(data.spentNanos, data.currency), money(data.limitNanos, data.currency)]
    return [
      `预算已使用 ${data.percent}%：${us}`,
      `${us} 的${scopes[data.scope]}预算已使用 ${spent}，上限为 ${limit}。`,
      `${actions[data.action]}${console}/billing`,
    ]
  },
  'storage.grace_started': (data, { organization: us, console, money, when }) => [
    `存储费用未支付：${us}`,
    `${us} 的余额不足以支付存储费用，欠款 ${money(data.owedNanos, data.currency)}。`,
    '付清之前无法启动任何实例或任务。',
    `存储卷保留到 ${when(data.graceUntil)}。充值：${console}/billing`,
  ],
  'storage.grace_ending': (data, { organization: us, console, money, when }) => [
    `存储卷将在 ${data.days} 天后删除：${us}`,
    `${us} 的存储费用未支付，欠款 ${money(data.owedNanos, data.currency)}。`,
    `存储卷保留到 ${when(data.graceUntil)}，之后将被删除。`,
    `充值：${console}/billing`,
  ],
  'storage.grace_ended': (data, { organization: us, when }) => [
    `正在删除存储卷：${us}`,
    `${us} 的存储费用在 ${when(data.graceUntil)} 之前未支付，其存储卷正在删除。`,
  ],
  'prices.announced': (data, { organization: us, console, when }) => [
    `新价格将于 ${when(data.effectiveFrom)} 生效`,
    `此后适用于 ${us} 的存储以及新启动的实例和任务。`,
    '正在运行的保持启动时的价格。',
    `查看：${console}/billing`,
  ],
  'webhook.disabled': ({ url, why, failingSince }, { organization: us, console, when }) => [
    `Webhook 已停用：${us}`,
    why === 'gone'
      ? `${url} 答复它已不存在。`
      : `${url} 自 ${failingSince ? when(failingSince) : '数日前'} 起一直失败。`,
    '不再向它发送任何内容。',
    `重新启用并补发错过的内容：${console}/webhooks`,
  ],
}
