import type { Attack } from './attack.ts';
import { COMPONENT_ATTACKS } from './threats/component.ts';
import { CONFIGURATION_ATTACKS } from './threats/configuration.ts';
import { ENDLESS_ATTACKS } from './threats/endless.ts';
import { ESCAPE_ATTACKS } from './threats/escape.ts';
import { EXFILTRATION_ATTACKS } from './threats/exfiltration.ts';
import { FAN_OUT_ATTACKS } from './threats/fan-out.ts';
import { FLOOD_ATTACKS } from './threats/floods.ts';
import { FORGERY_ATTACKS } from './threats/forgery.ts';
import { IMPORT_ATTACKS } from './threats/imports.ts';
import { INTERFERENCE_ATTACKS } from './threats/interference.ts';
import { LANE_ATTACKS } from './threats/lane.ts';
import { MEMORY_ATTACKS } from './threats/memory.ts';
import { MODULE_ATTACKS } from './threats/modules.ts';
import { POINTER_ATTACKS } from './threats/pointers.ts';
import { REQUEST_ATTACKS } from './threats/request.ts';
import { SECRET_ATTACKS } from './threats/secrets.ts';

/** Every attack there is. */
export const ATTACKS: readonly Attack[] = Object.freeze([
  ...EXFILTRATION_ATTACKS,
  ...REQUEST_ATTACKS,
  ...ENDLESS_ATTACKS,
  ...MEMORY_ATTACKS,
  ...SECRET_ATTACKS,
  ...INTERFERENCE_ATTACKS,
  ...FLOOD_ATTACKS,
  ...IMPORT_ATTACKS,
  ...COMPONENT_ATTACKS,
  ...POINTER_ATTACKS,
  ...MODULE_ATTACKS,
  ...FAN_OUT_ATTACKS,
  ...FORGERY_ATTACKS,
  ...CONFIGURATION_ATTACKS,
  ...LANE_ATTACKS,
  ...ESCAPE_ATTACKS,
]);
