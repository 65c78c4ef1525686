import { Button, Code, Loader, Text, Title } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { Gate } from '../parts/gate.tsx'
import { forgetAttempt, nextOf, signInByLink, type SignInProblem, tokenOf } from '../parts/sign_in.ts'
import { Notice } from '../ui/notice.tsx'

/** The token of the address, taken out of it at once: it is to stay in no history. */
function takeToken(): string | null {
  const token = tokenOf(window.location.hash)
  if (window.location.hash !== '')
    window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search)
  return token
}

/** Signs in by the one-time link that led here; without one, says where to get it. */
export function SignInPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const client = useQueryClient()
  const [link, setLink] = useState(() => ({ token: takeToken() }))
  const { token } = link
  const [problem, setProblem] = useState<SignInProblem | null>(null)
  useEffect(() => {
    document.title = `${t('signIn.title')} · gpuhour`
  }, [t])
  useEffect(() => {
    // A link opened in this very tab changes only what stands behind "#".
    const onHash = () => {
      const fresh = takeToken()
      if (fresh === null) return
      setProblem(null)
      setLink({ token: fresh })
    }
    window.addEventListener('hashchange', onHash)
    return () => window.removeEventListener('hashchange', onHash)
  }, [])
  useEffect(() => {
    const { token } = link
    if (token === null) return
    let isGone = false
    void signInByLink(token).then((answer) => {
      if (isGone) return
      if (answer !== null) return setProblem(answer)
      client.clear()
      void navigate(nextOf(window.location.search), { replace: true })
    })
    return () => {
      isGone = true
    }
  }, [link, navigate, client])
  const again = () => {
    if (token !== null) forgetAttempt(token)
    setProblem(null)
    setLink({ token })
  }
  return (
    <Gate>
      <Title order={1} mb={12}>
        {t('signIn.title')}
      </Title>
      {token !== null && problem === null ? <SigningIn /> : <Advice problem={problem} onAgain={again} />}
    </Gate>
  )
}

function SigningIn() {
  const { t } = useTranslation()
  return (
    <div className="row" role="status">
      <Loader size="sm" />
      <Text>{t('signIn.now')}</Text>
    </div>
  )
}

function Advice({ problem, onAgain }: { problem: SignInProblem | null; onAgain: () => void }) {
  const { t } = useTranslation()
  const isRetried = problem === 'unreachable' || problem === 'too_many'
  return (
    <>
      {problem === null ? null : (
        <div style={{ marginBottom: 16 }}>
          <Notice
            role="alert"
            tone="bad"
            icon={<IconAlertTriangle size={20} />}
            title={t(`signIn.${problem}`)}
          >
            {isRetried ? (
              <Button size="xs" variant="default" mt={4} onClick={onAgain}>
                {t('common.retry')}
              </Button>
            ) : (
              t('signIn.getNew')
            )}
          </Notice>
        </div>
      )}
      <Text>{t('signIn.how')}</Text>
      <Text component="div" mt="md">
        {t('signIn.operator')}{' '}
        <Code translate="no" style={{ whiteSpace: 'nowrap' }}>
          {t('signIn.command')}
        </Code>
      </Text>
      <Text mt="md" c="dimmed">
        {t('signIn.others')}
      </Text>
    </>
  )
}
