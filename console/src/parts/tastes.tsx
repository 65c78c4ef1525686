import { ActionIcon, Button, Tooltip, useMantineColorScheme } from '@mantine/core'
import { IconMoon, IconSun, IconSunMoon } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { chooseLanguage } from '../i18n.ts'

const schemes = { auto: 'light', light: 'dark', dark: 'auto' } as const
const schemeIcons = {
  auto: <IconSunMoon size={18} />,
  light: <IconSun size={18} />,
  dark: <IconMoon size={18} />,
} as const

/** Light, dark, or as the system is. */
export function SchemeButton() {
  const { t } = useTranslation()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const label = t('taste.scheme', {
    now: t(`taste.${colorScheme}`),
    next: t(`taste.${schemes[colorScheme]}`),
  })
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="dimmed"
        size="lg"
        aria-label={label}
        onClick={() => setColorScheme(schemes[colorScheme])}
      >
        {schemeIcons[colorScheme]}
      </ActionIcon>
    </Tooltip>
  )
}

/** The other language, written in itself. */
export function LanguageButton() {
  const { t, i18n } = useTranslation()
  const other = i18n.language === 'zh' ? 'en' : 'zh'
  return (
    <Button
      variant="subtle"
      color="gray"
      c="dimmed"
      px={8}
      lang={other}
      onClick={() => void chooseLanguage(other)}
    >
      {t('taste.otherLanguage')}
    </Button>
  )
}
