/** Elements a guest's tables may have; V8 spends about 30 bytes on each. */
export const TABLE_ELEMENTS_MAX = 100_000;
