import type { VerifyResult } from '@gpuhour/sdk/verifier'
import { Button, FileButton, Select, Text } from '@mantine/core'
import { IconDownload, IconShieldCheck, IconUpload } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { fetchBill, save } from '../../parts/open_bill.ts'
import { type PeriodName, periodNames, periodOf } from '../../parts/periods.ts'
import { Problem } from '../../parts/problem.tsx'
import { serverClock } from '../../parts/server_clock.ts'
import { useSession } from '../../parts/session.ts'
import { Verdict } from '../../parts/verdict.tsx'
import { Panel } from '../../ui/panel.tsx'
import { CopyLine } from '../../ui/copy_line.tsx'

/** What was verified, and what came of it. */
interface Verified {
  readonly name: string
  readonly result: VerifyResult
}

async function verify(name: string, bytes: Uint8Array): Promise<Verified> {
  // The verifier is fetched when it is wanted: most visits never need it.
  const { verifyBill } = await import('@gpuhour/sdk/verifier')
  return { name, result: await verifyBill(bytes) }
}

/** The open bill: download it, and let this browser recompute it. */
export function BillPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const [period, setPeriod] = useState<PeriodName>('month')
  const load = () => fetchBill(organization.id, periodOf(period, serverClock.now(), organization.timeZone))
  const check = useMutation({
    mutationFn: async (file: File | null) =>
      file === null
        ? verify(t(`billing.${period}`), await load())
        : verify(file.name, new Uint8Array(await file.arrayBuffer())),
  })
  const download = useMutation({
    mutationFn: async () => save(await load(), `gpuhour-bill-${new Date().toISOString().slice(0, 10)}.json`),
  })
  const error = check.error ?? download.error
  return (
    <BillingFrame>
      <Panel title={t('bill.title')}>
        <Text maw={760}>{t('bill.text')}</Text>
        <div className="row" style={{ marginTop: 16, alignItems: 'flex-end' }}>
          <Select
            label={t('billing.period')}
            value={period}
            onChange={(value) => setPeriod(periodNames.find((one) => one === value) ?? 'month')}
            data={periodNames.map((value) => ({ value, label: t(`billing.${value}`) }))}
            allowDeselect={false}
            w={180}
          />
          <Button
            leftSection={<IconShieldCheck size={18} />}
            loading={check.isPending}
            onClick={() => check.mutate(null)}
          >
            {t('bill.verify')}
          </Button>
          <Button
            variant="default"
            leftSection={<IconDownload size={18} />}
            loading={download.isPending}
            onClick={() => download.mutate()}
          >
            {t('bill.download')}
          </Button>
          <FileButton accept="application/json,.json" onChange={(file) => file && check.mutate(file)}>
            {(props) => (
              <Button {...props} variant="default" leftSection={<IconUpload size={18} />}>
                {t('bill.verifyFile')}
              </Button>
            )}
          </FileButton>
        </div>
        <Text size="sm" c="dimmed" mt="md" mb={6}>
          {t('bill.offline')}
        </Text>
        <CopyLine text="gpuhour verify-bill bill.json" copy={t('common.copy')} copied={t('common.copied')} />
      </Panel>
      {error ? <Problem error={error} /> : null}
      {check.data ? (
        <Verdict name={check.data.name} result={check.data.result} currency={organization.currency} />
      ) : null}
    </BillingFrame>
  )
}
