import { Burger, Center, Title } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import type { Me } from '@gpuhour/sdk/contract'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, Suspense, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, Outlet, ScrollRestoration, useLocation, useNavigate } from 'react-router'
import { paths } from '../paths.ts'
import { Brand } from '../ui/brand.tsx'
import { Empty } from '../ui/empty.tsx'
import { api, isSignedOut, keys, onSignedOut, signedOutKey } from './api.ts'
import { BalanceStrip } from './balance_strip.tsx'
import { Gate } from './gate.tsx'
import { Nav } from './nav.tsx'
import { PersonMenu } from './person_menu.tsx'
import { Problem } from './problem.tsx'
import { projectOf, rememberedProject, rememberProject, type Session, SessionContext } from './session.ts'
import css from './shell.module.css'
import { WaitingMark } from './waiting_mark.tsx'
import { LanguageButton, SchemeButton } from './tastes.tsx'

/** Everything that needs somebody signed in stands inside of this. */
export function Shell() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const location = useLocation()
  const me = useQuery({
    queryKey: keys.me,
    queryFn: ({ signal }) => api.getMe({}, { signal }),
    staleTime: 60_000,
  })
  const client = useQueryClient()
  useEffect(() => {
    onSignedOut.current = () => {
      // Every call that is under way says so; one of them leads away.
      onSignedOut.current = () => {}
      client.clear()
      const next = encodeURIComponent(location.pathname + location.search)
      void navigate(`${paths.signIn}?next=${next}`, { replace: true })
    }
    return () => {
      onSignedOut.current = () => {}
    }
  })
  useEffect(() => {
    const onStored = ({ key }: StorageEvent) => {
      if (key === signedOutKey) onSignedOut.current()
    }
    window.addEventListener('storage', onStored)
    return () => window.removeEventListener('storage', onStored)
  }, [])
  if (me.data) return <SignedIn me={me.data} />
  if (me.error && !isSignedOut(me.error))
    return (
      <Gate>
        <Title order={1} mb={12}>
          {t('brand')}
        </Title>
        <Problem error={me.error} retry={me.refetch} />
      </Gate>
    )
  return (
    <Center component="main" mih="60dvh">
      <WaitingMark />
    </Center>
  )
}

function SignedIn({ me }: { me: Me }) {
  const { t } = useTranslation()
  const [chosen, setChosen] = useState(rememberedProject)
  const place = useMemo(() => projectOf(me, chosen), [me, chosen])
  const session = useMemo<Session | null>(
    () =>
      place && {
        me,
        organization: place.organization,
        project: place.project,
        chooseProject: (id) => {
          rememberProject(id)
          setChosen(id)
        },
      },
    [me, place],
  )
  if (session === null)
    return (
      <Center mih="100dvh">
        <Empty icon={<Brand size={40} />} title={t('noProject.title')} text={t('noProject.text')} />
      </Center>
    )
  return (
    <SessionContext value={session}>
      <Frame>
        <Suspense fallback={<WaitingMark />}>
          <Outlet />
        </Suspense>
      </Frame>
    </SessionContext>
  )
}

function Frame({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const [isOpen, setOpen] = useState(false)
  useHotkeys([
    ['c', () => void navigate(paths.launch)],
    ['/', () => document.querySelector<HTMLInputElement>('input[type="search"]')?.focus()],
  ])
  return (
    <>
      <ScrollRestoration />
      <a href="#main" className={css.skip}>
        {t('nav.skip')}
      </a>
      <header className={css.bar}>
        <Burger
          className={css.burger ?? ''}
          opened={isOpen}
          onClick={() => setOpen(!isOpen)}
          size="sm"
          aria-label={t('nav.label')}
          aria-expanded={isOpen}
        />
        <Link to={paths.home} className={css.brand} aria-label={`${t('brand')}: ${t('nav.home')}`}>
          <Brand />
          <span className={css.brandName} translate="no">
            {t('brand')}
          </span>
        </Link>
        <BalanceStrip />
        <span className={css.wideOnly}>
          <LanguageButton />
        </span>
        <SchemeButton />
        <PersonMenu />
      </header>
      <div className={css.frame}>
        <Nav isOpen={isOpen} onGo={() => setOpen(false)} />
        <main id="main" className={css.main} tabIndex={-1}>
          {children}
        </main>
      </div>
    </>
  )
}
