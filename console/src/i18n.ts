import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import en from './locales/en.json'
import zh from './locales/zh.json'
import { localeOf } from './ui/locale.ts'

declare module 'i18next' {
  interface CustomTypeOptions {
    readonly defaultNS: 'translation'
    readonly resources: { readonly translation: typeof en }
  }
}

/** The languages of the console. */
export const languages = ['en', 'zh'] as const
export type Language = (typeof languages)[number]

const storageKey = 'gpuhour.language'

/** What was chosen before, else the first of the browser's languages that we speak, else English. */
export function firstLanguage(chosen: string | null, preferred: readonly string[]): Language {
  for (const wanted of [chosen, ...preferred]) {
    const found = languages.find((language) => wanted?.toLowerCase().split('-')[0] === language)
    if (found) return found
  }
  return 'en'
}

function mark(language: string) {
  document.documentElement.lang = localeOf(language)
}

/** Loads both catalogues; they are small, and a switch is then instant. */
export async function openI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: firstLanguage(localStorage.getItem(storageKey), navigator.languages),
    fallbackLng: 'en',
    resources: { en: { translation: en }, zh: { translation: zh } },
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  mark(i18next.language)
  i18next.on('languageChanged', mark)
}

/** Switches, and remembers it in this browser. */
export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(storageKey, language)
  await i18next.changeLanguage(language)
}
