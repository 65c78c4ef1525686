import { addressOf, type Download } from '@gpuhour/sdk/client'
import type { InvoiceSummary } from '@gpuhour/sdk/contract'
import { Button, Menu } from '@mantine/core'
import { IconChevronDown, IconFileTypePdf } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { Mark } from '../ui/marks.tsx'
import { cents, moneyText } from '../ui/money.ts'
import { api } from './api.ts'
import { tellProblem } from './tell_problem.ts'

/** First and last day of a period, by the clocks of the organization. */
export function Period({
  period: { from, to, timeZone },
}: {
  period: Pick<InvoiceSummary, 'from' | 'to' | 'timeZone'>
}) {
  const locale = useLocale()
  const format = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'medium' })
  return (
    <span title={`${from} – ${to} · ${timeZone}`}>
      {format.formatRange(Date.parse(from), Date.parse(to) - 1)}
    </span>
  )
}

/** Paid, due, given back, or why it is still a draft. */
export function InvoiceState({ invoice }: { invoice: InvoiceSummary }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { problem, state, dueNanos, creditedNanos, currency } = invoice
  const text = (nanos: string) => moneyText(BigInt(nanos), currency, locale, cents)
  if (state === 'draft')
    return (
      <Mark tone="warn">{problem === null ? t('invoices.draft') : t(`invoices.problem.${problem}`)}</Mark>
    )
  return (
    <span className="row">
      {BigInt(dueNanos) > 0n ? (
        <Mark tone="warn">{t('invoices.dueNow', { amount: text(dueNanos) })}</Mark>
      ) : (
        <Mark tone="good">{t('invoices.paid')}</Mark>
      )}
      {creditedNanos === '0' ? null : (
        <span className="soft">{t('invoices.credited', { amount: text(creditedNanos) })}</span>
      )}
    </span>
  )
}

/** Lets the browser fetch a paper; rejects with the platform's reason where it would not be given. */
async function fetchPaper(
  name: 'getInvoicePaper' | 'getCreditNotePaper',
  params: Readonly<Record<string, string>>,
  ask: () => Promise<Download>,
): Promise<void> {
  // The browser tells nobody why a download was refused: the beginning of the answer is asked for first.
  const { chunks } = await ask()
  await chunks[Symbol.asyncIterator]().return?.()
  const link = document.createElement('a')
  link.href = addressOf({ baseUrl: '' }, name, { params })
  link.download = ''
  link.click()
}

/** A paper of an invoice. */
export function downloadPaper(invoice: string, paper: string): Promise<void> {
  const params = { invoice, paper }
  return fetchPaper('getInvoicePaper', params, () => api.getInvoicePaper({ params }))
}

function downloadNote(creditNote: string, paper: string): Promise<void> {
  const params = { creditNote, paper }
  return fetchPaper('getCreditNotePaper', params, () => api.getCreditNotePaper({ params }))
}

type PaperButtonProps = { readonly isLarge?: boolean } & (
  | { readonly invoice: string }
  | { readonly creditNote: string }
)

/** The PDF, in the language that is shown or in the other one. */
export function PaperButton({ isLarge = false, ...of }: PaperButtonProps) {
  const { t, i18n } = useTranslation()
  const own = i18n.language === 'zh' ? 'zh' : 'en'
  const download = useMutation({
    mutationFn: (language: 'en' | 'zh') =>
      'invoice' in of
        ? downloadPaper(of.invoice, `${language}.pdf`)
        : downloadNote(of.creditNote, `${language}.pdf`),
    onError: (error) => tellProblem(t, error),
  })
  const size = isLarge ? 'sm' : 'xs'
  return (
    <Button.Group>
      <Button
        size={size}
        variant={isLarge ? 'filled' : 'default'}
        leftSection={<IconFileTypePdf size={16} />}
        loading={download.isPending}
        onClick={() => download.mutate(own)}
      >
        {t('invoices.paper')}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            size={size}
            px={6}
            variant={isLarge ? 'filled' : 'default'}
            aria-label={t('invoices.otherLanguage')}
          >
            <IconChevronDown size={14} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => download.mutate('en')}>{t('invoices.inEnglish')}</Menu.Item>
          <Menu.Item onClick={() => download.mutate('zh')}>{t('invoices.inChinese')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Button.Group>
  )
}
