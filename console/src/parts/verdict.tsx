import type { VerifyResult } from '@gpuhour/sdk/verifier'
import { Code } from '@mantine/core'
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { Money } from '../ui/money.tsx'
import { exact, moneyText } from '../ui/money.ts'
import { Pairs } from '../ui/pairs.tsx'
import { Panel } from '../ui/panel.tsx'
import { type Column, Table } from '../ui/table.tsx'
import { Notice } from '../ui/notice.tsx'

type RecomputedLine = Extract<VerifyResult, { recomputed: unknown }>['recomputed'][number]

interface VerdictProps {
  /** Which document it is about. */
  readonly name: string
  readonly result: VerifyResult
  readonly currency: string
}

/** What the verifier found, first thing first. */
export function Verdict({ name, result, currency }: VerdictProps) {
  const { t } = useTranslation()
  const locale = useLocale()
  if ('unreadable' in result)
    return (
      <Notice role="alert" tone="bad" icon={<IconCircleX size={22} />} title={t('bill.unreadable', { name })}>
        <Code>{result.unreadable}</Code>
      </Notice>
    )
  const { firstDifference, events, charges, total, recomputed } = result
  if (firstDifference !== null)
    return (
      <Notice role="alert" tone="bad" icon={<IconCircleX size={22} />} title={t('bill.wrong', { name })}>
        <Pairs
          items={[
            [t('bill.kind'), <Code key="kind">{firstDifference.kind}</Code>],
            [t('bill.where'), <Code key="where">{firstDifference.where}</Code>],
            [t('bill.found'), <Code key="found">{firstDifference.found}</Code>],
            [t('bill.expected'), <Code key="expected">{firstDifference.expected}</Code>],
          ]}
        />
      </Notice>
    )
  const sum = total === null ? '' : moneyText(BigInt(total), currency, locale, exact)
  return (
    <>
      <Notice
        role="status"
        tone="good"
        icon={<IconCircleCheck size={22} />}
        title={t('bill.verified', { name })}
      >
        {t('bill.verifiedText', { events, charges, total: sum })}
      </Notice>
      <Panel title={t('bill.recomputed')} isFlush>
        <Recomputed lines={recomputed} currency={currency} />
      </Panel>
    </>
  )
}

function Recomputed({ lines, currency }: { lines: readonly RecomputedLine[]; currency: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const columns: Column<RecomputedLine>[] = [
    { head: t('charges.resource'), cell: ({ resource }) => <Code translate="no">{resource}</Code> },
    { head: t('billing.sku'), cell: ({ sku }) => <span translate="no">{sku}</span> },
    {
      head: t('bill.unitMillis'),
      isNumber: true,
      cell: ({ unitMillis }) => new Intl.NumberFormat(locale).format(BigInt(unitMillis)),
    },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amount }) => <Money nanos={BigInt(amount)} currency={currency} decimals={exact} />,
    },
  ]
  return (
    <Table
      label={t('bill.recomputed')}
      columns={columns}
      rows={lines}
      keyOf={({ resource, sku, priceBook }) => `${resource} ${sku} ${priceBook}`}
    />
  )
}
