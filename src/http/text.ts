import { z } from 'zod'

/** Text that PostgreSQL can hold: no NUL and no half of a surrogate pair, at most `max` UTF-16 units. */
export const text = (max: number) =>
  z
    .string()
    .max(max, `has more than ${max} characters`)
    .refine((value) => !/\0|\p{Surrogate}/u.test(value), 'has a character that cannot be stored')
