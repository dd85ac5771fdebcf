/** The columns and foreign keys of a table or view in Hasura's source. */
export type DatabaseTable = {
  columns: string[]
  /** Foreign keys: column → the table of the referenced `id`. */
  references: Record<string, string>
}

export type Database = Record<string, DatabaseTable>

/** The tables and views that Hasura can track. `tables.test.ts` compares them with the database. */
export const database: Database = {
  user: {
    columns: [
      'id',
      'username',
      'password',
      'email',
      'email_verified',
      'active',
      'default_role_id',
      'created_at',
      'updated_at',
      'session_epoch',
    ],
    references: { default_role_id: 'role' },
  },
  role: { columns: ['id', 'name'], references: {} },
  user_role: {
    columns: ['id', 'user_id', 'role_id', 'provider'],
    references: { user_id: 'user', role_id: 'role' },
  },
  identity: {
    columns: ['provider', 'subject', 'user_id', 'email', 'email_verified', 'created_at', 'last_used_at'],
    references: { user_id: 'user' },
  },
  session: {
    columns: [
      'id',
      'user_id',
      'counter',
      'rotated_at',
      'rotated_by',
      'created_at',
      'idle_expires_at',
      'expires_at',
      'revoked_at',
      'revoked_reason',
      'user_agent',
      'address',
      'auth_time',
      'amr',
      'late_counter',
      'level',
      'provider',
      'epoch',
      'app',
      'provider_sid',
    ],
    references: { user_id: 'user' },
  },
  user_claim: { columns: ['user_id', 'name', 'value'], references: { user_id: 'user' } },
  user_claims_version: { columns: ['user_id', 'version'], references: {} },
}
