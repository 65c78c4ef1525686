import type { Charge } from '@gpuhour/sdk/contract'
import { Button, Code, Modal, Text } from '@mantine/core'
import { IconReceipt2 } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'react-router'
import { paths } from '../../paths.ts'
import { api, keys, pollMs } from '../../parts/api.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { ExplainCharge } from '../../parts/explain_charge.tsx'
import { Rate } from '../../parts/live_money.tsx'
import { More } from '../../parts/more.tsx'
import { useList, useNow, useStatement } from '../../parts/queries.ts'
import { Reason } from '../../parts/reason.tsx'
import { useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Tag } from '../../ui/marks.tsx'
import { Money } from '../../ui/money.tsx'
import { exact } from '../../ui/money.ts'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'
import { When } from '../../ui/when.tsx'

/** Every charge, each with its reasons. */
export function ChargesPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const [search] = useSearchParams()
  const resource = search.get('resource')
  const [asked, setAsked] = useState<Charge | null>(null)
  const query = useList(
    keys.charges(organization.id, resource),
    (page, signal) =>
      api.listCharges(
        {
          params: { organization: organization.id },
          query: resource === null ? page : { ...page, resource },
        },
        { signal },
      ),
    { everyMs: pollMs.calm },
  )
  const all = <Link to={paths.charges()}>{t('charges.all')}</Link>
  return (
    <BillingFrame>
      <Panel
        title={t('billing.charges')}
        {...(resource === null
          ? {}
          : {
              aside: (
                <span className="row soft">
                  <Code>{resource}</Code> {all}
                </span>
              ),
            })}
        isFlush
      >
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(charges) =>
            charges.length === 0 ? (
              <Empty
                icon={<IconReceipt2 size={36} stroke={1.4} />}
                title={t('charges.none')}
                text={t('charges.noneText')}
              />
            ) : (
              <>
                <Text className="soft" px={16} pb={6}>
                  {t('charges.order')}
                </Text>
                <ChargeTable charges={charges} currency={organization.currency} onExplain={setAsked} />
                <More {...query} />
              </>
            )
          }
        </Shown>
      </Panel>
      <Modal
        opened={asked !== null}
        onClose={() => setAsked(null)}
        centered
        size="lg"
        title={t('charges.explain')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {asked === null ? null : <ExplainCharge charge={asked} currency={organization.currency} />}
      </Modal>
    </BillingFrame>
  )
}

interface ChargeTableProps {
  readonly charges: readonly Charge[]
  readonly currency: string
  readonly onExplain: (charge: Charge) => void
}

function ChargeTable({ charges, currency, onExplain }: ChargeTableProps) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const statement = useStatement({})
  // A charge names its resource alone; the statement of this month knows what that was for.
  const names = new Map(statement.data?.lines.map(({ resource, name }) => [resource, name]))
  const columns: Column<Charge>[] = [
    {
      head: t('charges.resource'),
      cell: ({ resource, reason }) => (
        <div>
          <Link to={paths.charges(resource)}>{names.get(resource) ?? resource}</Link>{' '}
          {reason === null ? null : (
            <Tag tone="warn">
              <Reason text={reason} />
            </Tag>
          )}
          {names.has(resource) ? (
            <div className="soft" translate="no" style={{ fontWeight: 400 }}>
              {resource}
            </div>
          ) : null}
        </div>
      ),
    },
    { head: t('billing.sku'), cell: ({ sku }) => <span translate="no">{sku}</span> },
    { head: t('charges.upTo'), cell: ({ upTo }) => <When at={upTo} now={now} isMoment /> },
    {
      head: t('billing.rate'),
      isNumber: true,
      cell: ({ nanos }) => <Rate nanos={nanos} currency={currency} />,
    },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amount }) => <Money nanos={BigInt(amount)} currency={currency} decimals={exact} />,
    },
    {
      head: t('charges.explain'),
      isUnnamed: true,
      isTight: true,
      cell: (charge) => (
        <Button size="xs" variant="default" onClick={() => onExplain(charge)}>
          {t('charges.explain')}
        </Button>
      ),
    },
  ]
  return <Table label={t('billing.charges')} columns={columns} rows={charges} keyOf={({ id }) => id} />
}
