import type { InvoiceSummary } from '@gpuhour/sdk/contract'
import { Button, Text } from '@mantine/core'
import { IconFileInvoice } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api, keys, pollMs } from '../../parts/api.ts'
import { BillingDetails } from '../../parts/billing_details.tsx'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { CloseBooks } from '../../parts/close_books.tsx'
import { InvoiceState, PaperButton, Period } from '../../parts/invoices.tsx'
import { More } from '../../parts/more.tsx'
import { useList } from '../../parts/queries.ts'
import { useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/empty.tsx'
import { Money } from '../../ui/money.tsx'
import { cents } from '../../ui/money.ts'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'

/** Every invoice, and whom they are made out to. */
export function InvoicesPage() {
  const { t } = useTranslation()
  const { me, organization } = useSession()
  const [isClosing, setClosing] = useState(false)
  const query = useList(
    keys.invoices(organization.id),
    (page, signal) =>
      api.listInvoices({ params: { organization: organization.id }, query: page }, { signal }),
    { everyMs: pollMs.calm },
  )
  const close = me.person.isOperator ? (
    <Button variant="default" size="xs" onClick={() => setClosing(true)}>
      {t('invoices.close')}
    </Button>
  ) : null
  return (
    <BillingFrame>
      <div className="split">
        <Panel title={t('billing.invoices')} aside={close} isFlush>
          <Shown query={query} skeleton={<TableSkeleton />} isFlush>
            {(invoices) =>
              invoices.length === 0 ? (
                <Empty
                  icon={<IconFileInvoice size={36} stroke={1.4} />}
                  title={t('invoices.none')}
                  text={t('invoices.noneText', { zone: organization.timeZone })}
                />
              ) : (
                <>
                  <InvoiceTable invoices={invoices} />
                  <More {...query} />
                </>
              )
            }
          </Shown>
        </Panel>
        <BillingDetails />
      </div>
      <CloseBooks isOpen={isClosing} onClose={() => setClosing(false)} />
    </BillingFrame>
  )
}

function InvoiceTable({ invoices }: { invoices: readonly InvoiceSummary[] }) {
  const { t } = useTranslation()
  const columns: Column<InvoiceSummary>[] = [
    {
      head: t('invoices.number'),
      cell: ({ id, number }) => (
        <Link to={paths.invoice(number ?? id)} translate="no">
          {number ?? t('invoices.draft')}
        </Link>
      ),
    },
    { head: t('billing.period'), cell: (one) => <Period period={one} /> },
    {
      head: t('billing.total'),
      isNumber: true,
      cell: ({ totalNanos, currency }) => (
        <Money nanos={BigInt(totalNanos)} currency={currency} decimals={cents} />
      ),
    },
    { head: t('instance.state'), cell: (one) => <InvoiceState invoice={one} /> },
    {
      head: t('invoices.paper'),
      isUnnamed: true,
      isTight: true,
      cell: ({ number }) =>
        number === null ? <Text className="soft">–</Text> : <PaperButton invoice={number} />,
    },
  ]
  return <Table label={t('billing.invoices')} columns={columns} rows={invoices} keyOf={({ id }) => id} />
}
