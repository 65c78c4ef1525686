import {
  IconBox,
  IconDatabase,
  IconHome,
  IconKey,
  IconReceipt2,
  IconServer2,
  IconSettings,
  IconTerminal2,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { NavLink } from 'react-router'
import { paths } from '../paths.ts'
import { mayReadMoney, useSession } from './session.ts'
import css from './shell.module.css'

const places = [
  { to: paths.home, name: 'home', icon: IconHome },
  { to: paths.instances, name: 'instances', icon: IconServer2 },
  { to: paths.runs, name: 'runs', icon: IconTerminal2 },
  { to: paths.images, name: 'images', icon: IconBox },
  { to: paths.volumes, name: 'volumes', icon: IconDatabase },
  { to: paths.billing, name: 'billing', icon: IconReceipt2 },
  { to: paths.keys, name: 'keys', icon: IconKey },
  { to: paths.operator, name: 'operator', icon: IconSettings },
] as const

/** The pages there are, for whoever may see them. */
export function Nav({ isOpen, onGo }: { isOpen: boolean; onGo: () => void }) {
  const { t } = useTranslation()
  const { me, organization } = useSession()
  const { isOperator } = me.person
  const shown = places.filter(({ name }) => {
    if (name === 'operator') return isOperator
    return name !== 'billing' || mayReadMoney(organization, isOperator)
  })
  return (
    <nav className={css.nav} data-open={isOpen} aria-label={t('nav.label')}>
      <div className={css.navInner}>
        {shown.map(({ to, name, icon: Icon }) => (
          <NavLink key={to} to={to} end={to === paths.home} className={css.link ?? ''} onClick={onGo}>
            <Icon size={18} stroke={1.7} aria-hidden />
            {t(`nav.${name}`)}
          </NavLink>
        ))}
      </div>
    </nav>
  )
}
