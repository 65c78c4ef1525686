import { kills } from './kills.ts'

kills(['api', 'controller', 'gateway'])
