/** The languages that papers are written in. */
export const paperLanguages = ['en', 'zh'] as const
/** One of them. */
export type PaperLanguage = (typeof paperLanguages)[number]

/** Every word on a paper, in one language. */
export type PaperWords = typeof english

const english = {
  invoice: 'Invoice',
  creditNote: 'Credit note',
  number: 'Number',
  issued: 'Date of issue',
  period: 'Period',
  zone: 'Time zone',
  account: 'Account',
  reference: 'Your reference',
  toInvoice: 'For invoice',
  from: 'From',
  billedTo: 'Billed to',
  taxId: 'Tax ID',
  total: 'Total',
  due: 'Amount due',
  paid: 'Nothing is due',
  givenBack: 'Given back to the balance',
  description: 'Description',
  quantity: 'Quantity',
  rate: 'Rate',
  amount: 'Amount',
  project: 'Project',
  instance: 'Instances',
  run: 'Job runs',
  volume: 'Volumes',
  snapshot: 'Snapshots',
  back: 'Given back',
  'gpu-hour': 'GPU-hours',
  'vcpu-hour': 'vCPU-hours',
  'gib-hour': 'GiB-hours',
  net: 'Net',
  on: 'on',
  lessPromo: 'net, less what promotional credit paid',
  funding: 'How it is paid',
  promo: 'Promotional credit',
  prepaid: 'Prepaid balance',
  absorbed: 'Borne by us',
  exactly: 'exactly',
  credits: 'Money in and out during the period',
  date: 'Date',
  what: 'What',
  grant: 'Grant',
  payment: 'Payment received',
  promo_code: 'Promo code',
  allowance: 'Free allowance',
  rebate: 'Rebate',
  credit_note: 'Credit note',
  reversal: 'Chargeback reversed',
  refund: 'Refund',
  chargeback: 'Chargeback',
  expiry: 'Credit lapsed',
  write_off: 'Debt written off',
  tax: 'Tax of an earlier invoice',
  wholeInvoice: 'The invoice as a whole',
  line: 'Line',
  reason: 'Reason',
  payTo: 'Please pay to',
  contact: 'Questions',
  check: 'Check it yourself',
  checkText:
    'Every charge of the period stands in its open bill, which recomputes from events and price books ' +
    'alone. Fetch it and check it, without us:',
  billHash: 'SHA-256 of the open bill',
  exactCharges: 'Charges, to the nano',
  rounding: 'Rounded once, to cents',
  page: 'Page {page} of {pages}',
}

const chinese: PaperWords = {
  invoice: '发票',
  creditNote: '贷项通知单',
  number: '编号',
  issued: '开具日期',
  period: '计费期间',
  zone: '时区',
  account: '账户',
  reference: '贵方参考号',
  toInvoice: '对应发票',
  from: '开具方',
  billedTo: '付款方',
  taxId: '税号',
  total: '合计',
  due: '应付金额',
  paid: '无需付款',
  givenBack: '退回账户余额',
  description: '说明',
  quantity: '数量',
  rate: '单价',
  amount: '金额',
  project: '项目',
  instance: '实例',
  run: '任务运行',
  volume: '存储卷',
  snapshot: '快照',
  back: '退回',
  'gpu-hour': 'GPU 小时',
  'vcpu-hour': 'vCPU 小时',
  'gib-hour': 'GiB 小时',
  net: '不含税金额',
  on: '计税基础',
  lessPromo: '不含税金额减去赠送额度支付的部分',
  funding: '付款构成',
  promo: '赠送额度',
  prepaid: '预付余额',
  absorbed: '由我方承担',
  exactly: '精确值',
  credits: '本期间资金进出',
  date: '日期',
  what: '事项',
  grant: '拨款',
  payment: '付款',
  promo_code: '优惠码',
  allowance: '免费额度',
  rebate: '返还',
  credit_note: '贷项通知单',
  reversal: '争议胜诉',
  refund: '退款',
  chargeback: '银行拒付',
  expiry: '额度过期',
  write_off: '欠款核销',
  tax: '此前发票的税款',
  wholeInvoice: '整张发票',
  line: '行',
  reason: '原因',
  payTo: '请付款至',
  contact: '联系方式',
  check: '自行验证',
  checkText: '本期间的每一笔扣费都列在公开账单中，仅凭事件和价目表即可重新计算。下载后无需我们即可验证：',
  billHash: '公开账单的 SHA-256',
  exactCharges: '扣费精确值',
  rounding: '四舍五入到分（一次）',
  page: '第 {page} 页，共 {pages} 页',
}

/** How charges begin to say why they give back (`reasonOf`), in Chinese. */
const chineseReasons = {
  'not seen after ': '此后未再见到：',
  'ended at ': '已结束于 ',
  'stop accepted for ': '停止请求生效于 ',
  'the money was used up at ': '资金用尽于 ',
  'fault since ': '故障始于 ',
  'deleted at ': '删除于 ',
  'the record was completed later': '记录后来得到补全',
}

/** Why something was given back, in the language of the paper. */
export function reasonIn(language: PaperLanguage, reason: string): string {
  const known = Object.entries(chineseReasons).find(([begin]) => reason.startsWith(begin))
  return known && language === 'zh' ? known[1] + reason.slice(known[0].length) : reason
}

/** The words of a language. */
export function wordsOf(language: PaperLanguage): PaperWords {
  return language === 'zh' ? chinese : english
}

const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
]

/** A local date and time in words: "1 December 2026, 00:00", "2026年12月1日 00:00". */
export function momentIn(language: PaperLanguage, ms: number, timeZone: string, withTime: boolean): string {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(
    ms,
  )
  const [date = '', time = ''] = text.split(' ')
  const [year, month, day] = date.split('-').map(Number)
  const seconds = time.endsWith(':00') ? time.slice(0, 5) : time
  if (language === 'zh') return `${year}年${month}月${day}日${withTime ? ` ${seconds}` : ''}`
  return `${day} ${months[(month ?? 1) - 1]} ${year}${withTime ? `, ${seconds}` : ''}`
}
