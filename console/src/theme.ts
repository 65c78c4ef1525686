import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

/** The one accent. Shade 8 carries white text at 5.3 : 1; shade 4 is read on the dark ground. */
const jade: MantineColorsTuple = [
  '#e9f7f2',
  '#d3eee4',
  '#a8dccb',
  '#7bcab0',
  '#52b998',
  '#2fa583',
  '#179070',
  '#0f8467',
  '#0b7a5f',
  '#075f49',
]

/** A ground with a little blue in it, so that long hours are easy on the eye. */
const dark: MantineColorsTuple = [
  '#dbe1e5',
  '#b3bdc4',
  '#96a2aa',
  '#56626b',
  '#343d44',
  '#283036',
  '#1c2227',
  '#14191d',
  '#101417',
  '#0b0e10',
]

const fonts = [
  'Inter',
  'ui-sans-serif',
  'system-ui',
  '-apple-system',
  'Segoe UI',
  'Roboto',
  'Noto Sans',
  'PingFang SC',
  'Microsoft YaHei',
  'Noto Sans CJK SC',
  'sans-serif',
].join(', ')

export const theme = createTheme({
  colors: { jade, dark },
  primaryColor: 'jade',
  primaryShade: 8,
  fontFamily: fonts,
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.25' },
      h2: { fontSize: '1rem', lineHeight: '1.4' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { withArrow: true, multiline: true, maw: 320, openDelay: 150 } },
    // Its head is no banner of the page.
    Modal: {
      defaultProps: { attributes: { header: { role: 'presentation' } } },
      styles: { title: { fontWeight: 600, fontSize: 'var(--mantine-font-size-lg)' } },
    },
    Button: { defaultProps: { size: 'sm' } },
  },
})

/** Mantine's grey for what is less important is too pale for WCAG AA on white. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#59636b',
    '--mantine-color-placeholder': '#6b757d',
    '--mantine-color-anchor': 'var(--mantine-color-jade-8)',
    '--ground': '#f6f8f8',
    '--surface': '#ffffff',
    '--line': '#dfe5e6',
    '--accent-text': 'var(--mantine-color-jade-8)',
    '--warn-text': '#8a5300',
    '--bad-text': '#b3261e',
    '--accent-soft': 'var(--mantine-color-jade-0)',
    '--warn-soft': '#fdf3e1',
    '--bad-soft': '#fdeceb',
    '--quiet-soft': '#eef2f2',
  },
  dark: {
    '--mantine-color-dimmed': '#96a2aa',
    '--mantine-color-placeholder': '#8b979f',
    '--mantine-color-anchor': 'var(--mantine-color-jade-4)',
    '--ground': 'var(--mantine-color-dark-7)',
    '--surface': 'var(--mantine-color-dark-6)',
    '--line': 'var(--mantine-color-dark-4)',
    '--accent-text': 'var(--mantine-color-jade-4)',
    '--warn-text': '#f0b457',
    '--bad-text': '#ff9088',
    '--accent-soft': '#12352c',
    '--warn-soft': '#3a2d14',
    '--bad-soft': '#421f1d',
    '--quiet-soft': '#242c32',
  },
})
