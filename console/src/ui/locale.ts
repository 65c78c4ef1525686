import { useTranslation } from 'react-i18next'

/** The locale by which numbers and times are written in a language. */
export function localeOf(language: string): string {
  return language === 'zh' ? 'zh-CN' : 'en-US'
}

/** That of the language that is shown. */
export function useLocale(): string {
  return localeOf(useTranslation().i18n.language)
}
