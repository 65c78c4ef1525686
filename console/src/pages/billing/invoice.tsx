import type { CreditNote, Invoice } from '@gpuhour/sdk/contract'
import { Button, Code, Skeleton, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import { api, keys, pollMs } from '../../parts/api.ts'
import { CreditNoteDialog } from '../../parts/credit_note_dialog.tsx'
import { downloadPaper, InvoiceState, PaperButton, Period } from '../../parts/invoices.tsx'
import { Rate } from '../../parts/live_money.tsx'
import { Reason } from '../../parts/reason.tsx'
import { useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { tellProblem } from '../../parts/tell_problem.ts'
import { paths } from '../../paths.ts'
import { CopyLine } from '../../ui/copy_line.tsx'
import { Figure } from '../../ui/figure.tsx'
import { useLocale } from '../../ui/locale.ts'
import { Tag } from '../../ui/marks.tsx'
import { Money } from '../../ui/money.tsx'
import { cents, exact } from '../../ui/money.ts'
import { PageHead } from '../../ui/page_head.tsx'
import { Pairs } from '../../ui/pairs.tsx'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { exactText } from '../../ui/time.ts'

/** One invoice: what a finance person asks, and how it can be recomputed. */
export function InvoicePage() {
  const { t } = useTranslation()
  const { invoice: name = '' } = useParams()
  const query = useQuery({
    queryKey: keys.invoice(name),
    queryFn: ({ signal }) => api.getInvoice({ params: { invoice: name } }, { signal }),
    refetchInterval: ({ state }) => (state.data?.papers.length === 3 ? false : pollMs.waiting),
  })
  return (
    <Shown query={query} head={t('billing.invoices')} skeleton={<Skeleton height={420} aria-hidden />}>
      {(invoice) => <Issued invoice={invoice} />}
    </Shown>
  )
}

function Issued({ invoice }: { invoice: Invoice }) {
  const { t } = useTranslation()
  const { me } = useSession()
  const [isGiving, setGiving] = useState(false)
  const { number } = invoice
  const isFinal = number !== null
  return (
    <>
      <PageHead
        title={number ?? t('invoices.draft')}
        mark={<InvoiceState invoice={invoice} />}
        text={
          <span className="row">
            <Link to={paths.invoices}>{t('billing.invoices')}</Link> <Period period={invoice} />
          </span>
        }
        actions={
          isFinal ? (
            <>
              <PaperButton invoice={number} isLarge />
              {me.person.isOperator && BigInt(invoice.netNanos) > 0n ? (
                <Button variant="default" onClick={() => setGiving(true)}>
                  {t('invoices.giveBack')}
                </Button>
              ) : null}
            </>
          ) : null
        }
      />
      <div className="stack">
        <Figures invoice={invoice} />
        <Panel title={t('invoices.lines')} isFlush>
          <Lines invoice={invoice} />
          <Sums invoice={invoice} />
        </Panel>
        {invoice.creditNotes.length === 0 ? null : <CreditNotes notes={invoice.creditNotes} />}
        <div className="split wide">
          {isFinal ? <Proof invoice={invoice} number={number} /> : <div />}
          <div className="stack">
            <HowPaid invoice={invoice} />
            <Parties invoice={invoice} />
          </div>
        </div>
      </div>
      {isFinal ? (
        <CreditNoteDialog invoice={invoice} isOpen={isGiving} onClose={() => setGiving(false)} />
      ) : null}
    </>
  )
}

function Figures({ invoice }: { invoice: Invoice }) {
  const { t } = useTranslation()
  const { currency } = invoice
  const [due, credited] = [BigInt(invoice.dueNanos), BigInt(invoice.creditedNanos)]
  const money = (nanos: bigint) => <Money nanos={nanos} currency={currency} decimals={cents} />
  return (
    <Panel>
      <div className="figures">
        <Figure
          label={t('billing.total')}
          value={money(BigInt(invoice.totalNanos))}
          hint={t('invoices.totalHint')}
        />
        <Figure
          label={t('invoices.due')}
          value={money(due)}
          hint={t(due > 0n ? 'invoices.dueHint' : 'invoices.paidHint')}
        />
        {credited === 0n ? null : (
          <Figure
            label={t('invoices.creditedFigure')}
            value={money(credited)}
            hint={t('invoices.creditedHint')}
          />
        )}
      </div>
    </Panel>
  )
}

type Line = Invoice['lines'][number]
const units = { 'gpu-hour': 'gpu', 'vcpu-hour': 'vcpu', 'gib-hour': 'gib' } as const

/** Unit-hours to the millionth, cut. */
function unitHours(unitMillis: string): string {
  const millis = BigInt(unitMillis)
  const millionths = ((millis < 0n ? -millis : millis) * 1_000_000n) / 3_600_000n
  const fraction = (millionths % 1_000_000n).toString().padStart(6, '0')
  return `${millis < 0n ? '−' : ''}${millionths / 1_000_000n}.${fraction}`
}

function Lines({ invoice: { lines, currency } }: { invoice: Invoice }) {
  const { t } = useTranslation()
  const columns: Column<Line>[] = [
    {
      head: t('billing.for'),
      cell: ({ kind, projectName, name, reason }) => (
        <div>
          {reason === null ? (
            t(`invoices.kind.${kind}`)
          ) : (
            <>
              {t('invoices.givenBackFor', { name: name ?? '' })}{' '}
              <Tag tone="warn">
                <Reason text={reason} />
              </Tag>
            </>
          )}
          <div className="soft" translate="no" style={{ fontWeight: 400 }}>
            {projectName}
          </div>
        </div>
      ),
    },
    { head: t('billing.sku'), cell: ({ sku }) => <span translate="no">{sku}</span> },
    {
      head: t('billing.quantity'),
      isNumber: true,
      cell: ({ unitMillis, unit }) => (
        <span style={{ whiteSpace: 'nowrap' }}>
          {unitHours(unitMillis)} <span className="soft">{t(`unit.${units[unit]}`)}</span>
        </span>
      ),
    },
    {
      head: t('billing.rate'),
      isNumber: true,
      cell: ({ nanosPerUnitHour }) => <Rate nanos={nanosPerUnitHour} currency={currency} />,
    },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos }) => <Money nanos={BigInt(amountNanos)} currency={currency} decimals={cents} />,
    },
  ]
  return (
    <Table label={t('invoices.lines')} columns={columns} rows={lines} keyOf={({ position }) => position} />
  )
}

function Sums({ invoice }: { invoice: Invoice }) {
  const { t } = useTranslation()
  const { currency, taxes } = invoice
  const money = (nanos: string) => <Money nanos={BigInt(nanos)} currency={currency} decimals={cents} />
  return (
    <div style={{ maxWidth: '26rem', marginLeft: 'auto', padding: '12px 16px 16px' }}>
      <Pairs
        isEven
        items={[
          [t('invoices.net'), money(invoice.netNanos)],
          ...taxes.map(
            ({ name, basisPoints, baseNanos, amountNanos, note }) =>
              [
                <span key={name}>
                  {name} {basisPoints / 100} %{' '}
                  <span className="soft">
                    {t('invoices.on')} {money(baseNanos)} {note}
                  </span>
                </span>,
                money(amountNanos),
              ] as const,
          ),
          [
            <strong key="total">{t('billing.total')}</strong>,
            <strong key="sum">{money(invoice.totalNanos)}</strong>,
          ],
        ]}
      />
    </div>
  )
}

function HowPaid({ invoice: { funding, currency } }: { invoice: Invoice }) {
  const { t } = useTranslation()
  if (funding.length === 0) return null
  return (
    <Panel title={t('invoices.funding')}>
      <Pairs
        isEven
        items={funding.map(({ source, amountNanos }) => [
          t(`invoices.source.${source}`),
          <Money key={source} nanos={BigInt(amountNanos)} currency={currency} decimals={cents} />,
        ])}
      />
    </Panel>
  )
}

function Parties({ invoice: { seller, buyer } }: { invoice: Invoice }) {
  const { t } = useTranslation()
  if (!seller || !buyer) return null
  const address = (name: string, lines: string, taxId: string | null) => (
    <span style={{ whiteSpace: 'pre-line' }}>
      <strong>{name}</strong>
      {lines === '' ? '' : `\n${lines}`}
      {taxId === null ? '' : `\n${t('invoices.taxId')}: ${taxId}`}
    </span>
  )
  return (
    <Panel title={t('invoices.parties')}>
      <Pairs
        items={[
          [t('invoices.buyer'), address(buyer.legalName, buyer.address, buyer.taxId)],
          ...(buyer.reference === null ? [] : [[t('invoices.reference'), buyer.reference] as const]),
          [t('invoices.seller'), address(seller.legalName, seller.address, seller.taxId)],
        ]}
      />
    </Panel>
  )
}

function Proof({ invoice, number }: { invoice: Invoice; number: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { currency, exactNanos, netNanos, billSha256, closedAt } = invoice
  const download = useMutation({
    mutationFn: () => downloadPaper(number, 'bill.json'),
    onError: (error) => tellProblem(t, error),
  })
  return (
    <Panel title={t('invoices.proof')}>
      <Pairs
        items={[
          [
            t('invoices.exact'),
            <Money key="exact" nanos={BigInt(exactNanos)} currency={currency} decimals={exact} />,
          ],
          [
            t('invoices.rounding'),
            <Money
              key="rounding"
              nanos={BigInt(netNanos) - BigInt(exactNanos)}
              currency={currency}
              decimals={exact}
            />,
          ],
          ...(closedAt === null
            ? []
            : [[t('invoices.closedAt'), exactText(Date.parse(closedAt), locale)] as const]),
          [
            t('invoices.digest'),
            <Code key="digest" style={{ overflowWrap: 'anywhere' }}>
              {billSha256}
            </Code>,
          ],
        ]}
      />
      <Text size="sm" c="dimmed" my="sm">
        {t('invoices.proofText')}
      </Text>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconDownload size={16} />}
        loading={download.isPending}
        onClick={() => download.mutate()}
      >
        {t('invoices.bill')}
      </Button>
      <div style={{ marginTop: 10 }}>
        <CopyLine
          text={`gpuhour invoice ${number} --bundle bill.json`}
          copy={t('common.copy')}
          copied={t('common.copied')}
        />
      </div>
    </Panel>
  )
}

function CreditNotes({ notes }: { notes: readonly CreditNote[] }) {
  const { t } = useTranslation()
  const columns: Column<CreditNote>[] = [
    { head: t('invoices.number'), cell: ({ number }) => <span translate="no">{number}</span> },
    { head: t('invoices.reason'), cell: ({ reason }) => reason },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ totalNanos, currency }) => (
        <Money nanos={BigInt(totalNanos)} currency={currency} decimals={cents} />
      ),
    },
    {
      head: t('invoices.paper'),
      isUnnamed: true,
      isTight: true,
      cell: ({ number }) => <PaperButton creditNote={number} />,
    },
  ]
  return (
    <Panel title={t('invoices.creditNotes')} isFlush>
      <Table label={t('invoices.creditNotes')} columns={columns} rows={notes} keyOf={({ id }) => id} />
    </Panel>
  )
}
