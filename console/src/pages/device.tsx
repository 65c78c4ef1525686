import { Button, Center, Text, TextInput, Title } from '@mantine/core'
import { IconCircleCheck, IconTerminal2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, useLocation, useSearchParams } from 'react-router'
import { paths } from '../paths.ts'
import { api, isSignedOut, keys } from '../parts/api.ts'
import { Gate } from '../parts/gate.tsx'
import { Problem } from '../parts/problem.tsx'
import { WaitingMark } from '../parts/waiting_mark.tsx'
import { answerDevice, claimDevice, deviceCodeOf, type SignInProblem } from '../parts/sign_in.ts'
import { Notice } from '../ui/notice.tsx'

type Seen = SignInProblem | 'asking' | 'pending' | 'approved' | 'denied'

/** Lets a terminal in: shows its code, and asks whether it is one's own. */
export function DevicePage() {
  const { t } = useTranslation()
  const location = useLocation()
  const [search, setSearch] = useSearchParams()
  const me = useQuery({ queryKey: keys.me, queryFn: ({ signal }) => api.getMe({}, { signal }) })
  const code = deviceCodeOf(search.get('user_code') ?? '')
  useEffect(() => {
    document.title = `${t('device.title')} · gpuhour`
  }, [t])
  if (isSignedOut(me.error))
    return (
      <Navigate
        replace
        to={`${paths.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`}
      />
    )
  return (
    <Gate>
      <Title order={1} mb={12}>
        {t('device.title')}
      </Title>
      {me.error ? <Problem error={me.error} retry={me.refetch} /> : null}
      {me.isPending ? <WaitingMark /> : null}
      {me.data && code === '' ? <AskCode onCode={(typed) => setSearch({ user_code: typed })} /> : null}
      {me.data && code !== '' ? <Device key={code} code={code} name={me.data.person.name} /> : null}
      {me.data && code !== '' ? (
        <Text mt="md" size="sm">
          <a href={paths.device}>{t('device.other')}</a>
        </Text>
      ) : null}
    </Gate>
  )
}

function AskCode({ onCode }: { onCode: (code: string) => void }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const code = deviceCodeOf(typed)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (code.length === 9) onCode(code)
      }}
    >
      <TextInput
        label={t('device.code')}
        description={t('device.codeHelp')}
        placeholder={t('device.codeExample')}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        autoComplete="one-time-code"
      />
      <Button type="submit" mt="md" disabled={code.length !== 9}>
        {t('device.continue')}
      </Button>
    </form>
  )
}

function Device({ code, name }: { code: string; name: string }) {
  const { t } = useTranslation()
  const [seen, setSeen] = useState<Seen>('asking')
  useEffect(() => {
    let isGone = false
    void claimDevice(code).then((answer) => {
      if (!isGone) setSeen(answer)
    })
    return () => {
      isGone = true
    }
  }, [code])
  const answer = async (word: 'approve' | 'deny') => {
    setSeen('asking')
    setSeen((await answerDevice(code, word)) ?? (word === 'approve' ? 'approved' : 'denied'))
  }
  if (seen === 'asking') return <WaitingMark />
  if (seen === 'approved')
    return (
      <Notice role="status" tone="good" icon={<IconCircleCheck size={20} />} title={t('device.approved')}>
        {t('device.approvedText')}
      </Notice>
    )
  if (seen === 'denied')
    return (
      <Notice role="status" tone="quiet" title={t('device.denied')}>
        {t('device.deniedText')}
      </Notice>
    )
  if (seen !== 'pending')
    return (
      <Notice role="alert" tone="bad" title={t('device.problem')}>
        {t(seen === 'unreachable' ? 'signIn.unreachable' : 'device.problemText')}
      </Notice>
    )
  return (
    <>
      <Text>{t('device.ask', { name })}</Text>
      <Center my="lg">
        <span className="row" style={{ fontSize: '1.75rem', fontWeight: 600, letterSpacing: '0.08em' }}>
          <IconTerminal2 size={30} stroke={1.5} aria-hidden />
          <span translate="no">{code}</span>
        </span>
      </Center>
      <Text c="dimmed" size="sm" mb="md">
        {t('device.warning')}
      </Text>
      <div className="row">
        <Button onClick={() => void answer('approve')}>{t('device.approve')}</Button>
        <Button variant="default" onClick={() => void answer('deny')}>
          {t('device.deny')}
        </Button>
      </div>
    </>
  )
}
