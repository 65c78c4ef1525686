import { Avatar, Menu, UnstyledButton, VisuallyHidden } from '@mantine/core'
import { IconCheck, IconLanguage, IconLogout } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { chooseLanguage } from '../i18n.ts'
import { paths } from '../paths.ts'
import { signedOutKey } from './api.ts'
import { useSession } from './session.ts'
import { signOut } from './sign_in.ts'

/** Who is signed in, which project is worked in, and the way out. */
export function PersonMenu() {
  const { t, i18n } = useTranslation()
  const navigate = useNavigate()
  const client = useQueryClient()
  const { me, project, chooseProject } = useSession()
  const leave = async () => {
    await signOut()
    localStorage.setItem(signedOutKey, new Date().toISOString())
    client.clear()
    void navigate(paths.signIn)
  }
  const organizationName = (id: string) => me.organizations.find((one) => one.id === id)?.name ?? ''
  return (
    <Menu position="bottom-end" width={260} shadow="md">
      <Menu.Target>
        <UnstyledButton>
          <Avatar
            color="jade"
            variant="light"
            radius="xl"
            size={32}
            name={me.person.name}
            alt=""
            aria-hidden
          />
          <VisuallyHidden>{t('person.menu', { name: me.person.name })}</VisuallyHidden>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me.person.name}
          <br />
          {me.person.email}
        </Menu.Label>
        <Menu.Divider />
        <Menu.Label>{t('person.projects')}</Menu.Label>
        {me.projects.map(({ id, name, organization }) => (
          <Menu.Item
            key={id}
            onClick={() => chooseProject(id)}
            rightSection={id === project.id ? <IconCheck size={16} aria-label={t('person.current')} /> : null}
          >
            {organizationName(organization)} / {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLanguage size={16} />}
          onClick={() => void chooseLanguage(i18n.language === 'zh' ? 'en' : 'zh')}
        >
          {t('taste.otherLanguage')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()}>
          {t('person.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
