import type { Doctor } from '@gpuhour/sdk/contract'
import { Skeleton } from '@mantine/core'
import { IconAlertTriangle, IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, keys, pollMs } from '../parts/api.ts'
import { Builds } from '../parts/builds.tsx'
import { GrantForm } from '../parts/grant_form.tsx'
import { Anomalies, Checks, Configuration, Loops } from '../parts/doctor.tsx'
import { Nodes } from '../parts/nodes.tsx'
import { PaymentTroubles } from '../parts/payment_troubles.tsx'
import { PromoCodes } from '../parts/promo_codes.tsx'
import { useNow } from '../parts/queries.ts'
import { SellerForm } from '../parts/seller_form.tsx'
import { serverClock } from '../parts/server_clock.ts'
import { useSession } from '../parts/session.ts'
import { Shown } from '../parts/shown.tsx'
import { Empty } from '../ui/empty.tsx'
import { Mark } from '../ui/marks.tsx'
import { PageHead } from '../ui/page_head.tsx'
import { Panel } from '../ui/panel.tsx'
import { When } from '../ui/when.tsx'
import { Notice } from '../ui/notice.tsx'

/** What an operator needs to sleep: machines, loops, builds, and what is odd. */
export function OperatorPage() {
  const { t } = useTranslation()
  const { me } = useSession()
  if (me.person.isOperator) return <Operator />
  return (
    <>
      <PageHead title={t('nav.operator')} />
      <Panel>
        <Empty
          icon={<IconLock size={36} stroke={1.4} />}
          title={t('operator.not')}
          text={t('operator.notText')}
        />
      </Panel>
    </>
  )
}

function Operator() {
  const { t } = useTranslation()
  const query = useQuery({
    queryKey: keys.doctor,
    queryFn: async ({ signal }) => {
      const doctor = await api.getDoctor({}, { signal })
      serverClock.hear(doctor.asOf)
      return doctor
    },
    refetchInterval: pollMs.money,
  })
  return (
    <>
      <PageHead
        title={t('nav.operator')}
        text={t('operator.text')}
        mark={query.data ? <VerdictMark doctor={query.data} /> : null}
      />
      <div className="split">
        <div className="stack">
          <PaymentTroubles />
          <Shown query={query} skeleton={<Skeleton height={420} aria-hidden />}>
            {(doctor) => <Facts doctor={doctor} />}
          </Shown>
        </div>
        <div className="stack">
          <Panel title={t('operator.grant')}>
            <GrantForm />
          </Panel>
          <Panel title={t('invoices.sellerTitle')}>
            <SellerForm />
          </Panel>
          <PromoCodes />
          <Panel title={t('operator.builds')}>
            <Builds />
          </Panel>
        </div>
      </div>
    </>
  )
}

function VerdictMark({ doctor: { verdict } }: { doctor: Doctor }) {
  const { t } = useTranslation()
  return <Mark tone={verdict === 'well' ? 'good' : 'warn'}>{t(`operator.${verdict}`)}</Mark>
}

function Facts({ doctor }: { doctor: Doctor }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const broken = doctor.checks.filter(({ ok }) => !ok)
  return (
    <>
      {broken.length === 0 ? null : (
        <Notice tone="warn" icon={<IconAlertTriangle size={20} />} title={t('operator.todo')}>
          {broken.map(({ name, found, todo }) => (
            <div key={name} lang="en">
              <strong>{name}</strong>: {todo ?? found}
            </div>
          ))}
        </Notice>
      )}
      <Nodes nodes={doctor.nodes} />
      <Panel title={t('operator.checks')} isFlush>
        <Checks doctor={doctor} />
      </Panel>
      <Panel title={t('operator.loops')} isFlush>
        <Loops doctor={doctor} />
      </Panel>
      {doctor.anomalies.length === 0 ? null : (
        <Panel title={t('operator.anomalies')} isFlush>
          <Anomalies doctor={doctor} />
        </Panel>
      )}
      <Panel title={t('operator.configuration')}>
        <Configuration doctor={doctor} />
      </Panel>
      <span className="soft">
        {t('operator.version', { version: doctor.version })} · <When at={doctor.asOf} now={now} />
      </span>
    </>
  )
}
