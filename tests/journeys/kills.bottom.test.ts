import { kills } from './kills.ts'

kills(['postgres', 'main'])
