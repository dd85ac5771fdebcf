import type { Texts } from '../texts.ts'

/** German. */
export default {
  direction: 'ltr',
  errorTitle: 'Fehler: ',
  signIn: 'Anmelden',
  signInTo: (name) => `Bei ${name} anmelden`,
  signUp: 'Registrieren',
  signUpTo: (name) => `Bei ${name} registrieren`,
  continueWith: (provider) => `Weiter mit ${provider}`,
  or: 'oder',
  noAccountYet: 'Neu hier?',
  accountAlready: 'Schon registriert?',
  continueAs: (username) => `Weiter als ${username}`,
  signedInAs: (username) => `Sie sind als ${username} angemeldet.`,
  goesBackTo: (place) => `Sie werden danach zu ${place} zurückgeleitet.`,
  useAnother: 'Mit anderem Benutzer anmelden',
  fields: {
    username: 'Benutzername',
    password: 'Passwort',
    confirmPassword: 'Passwort wiederholen',
    currentPassword: 'Aktuelles Passwort',
    newPassword: 'Neues Passwort',
  },
  passwordHint: (characters) => `Mindestens ${characters} Zeichen`,
  showPassword: 'Passwort anzeigen',
  hidePassword: 'Passwort verbergen',
  capsLock: 'Die Feststelltaste ist an.',
  account: 'Ihr Konto',
  roles: 'Rollen',
  waysIn: 'Anmeldemethoden',
  password: 'Passwort',
  passwordIsSet: 'Gesetzt',
  passwordIsNotSet: 'Nicht gesetzt',
  changePassword: 'Passwort ändern',
  setPassword: 'Passwort setzen',
  change: 'Ändern',
  set: 'Setzen',
  linked: 'Verknüpft',
  link: 'Verknüpfen',
  linkProvider: (provider) => `${provider} verknüpfen`,
  unlink: 'Lösen',
  unlinkProvider: (provider) => `Verknüpfung mit ${provider} lösen`,
  sessions: 'Wo Sie angemeldet sind',
  thisSession: 'Dieser Browser',
  endSession: 'Abmelden',
  endSessionOf: (device) => `${device} abmelden`,
  endOthers: 'Überall sonst abmelden',
  moreSessions: (count) => `und ${count} weitere`,
  lastUsed: (when) => `Zuletzt benutzt ${when}`,
  device: (browser, system) => `${browser} auf ${system}`,
  unknownDevice: 'Unbekanntes Gerät',
  signOut: 'Abmelden',
  signedOut: 'Sie sind abgemeldet',
  signedOutHint: 'In Apps können Sie noch kurze Zeit angemeldet sein. Melden Sie sich dort auch ab.',
  signInAgain: 'Wieder anmelden',
  backToApp: 'Zurück zur App',
  redirecting: (place) => `Weiterleitung zu ${place} …`,
  redirectNow: 'Weiter',
  toStart: 'Zur Startseite',
  somethingWrong: 'Die Anfrage ist fehlgeschlagen',
  notFound: 'Seite nicht gefunden',
  done: {
    password: 'Ihr Passwort wurde geändert. Alle anderen Sitzungen sind beendet.',
    ended: 'Die Sitzung ist beendet.',
    endedOthers: 'Alle anderen Sitzungen sind beendet.',
    linked: (provider) => `Sie können sich jetzt mit ${provider} anmelden.`,
    unlinked: 'Der Dienst ist nicht mehr verknüpft.',
  },
  fieldMessages: {
    required: (field) => `${field} fehlt.`,
    tooShort: (field, number) => `${field}: Mindestens ${number} Zeichen sind nötig.`,
    tooLong: (field, number) => `${field}: Höchstens ${number} Zeichen sind erlaubt.`,
    tooManyBytes: (field, number) =>
      `${field}: Höchstens ${number} Bytes sind erlaubt, also ${number} einfache Buchstaben. Bitte kürzer wählen.`,
    invisible: (field) => `${field}: Ein Zeichen ist unsichtbar. Bitte entfernen.`,
    whiteSpace: (field) => `${field}: Am Anfang und am Ende sind keine Leerzeichen erlaubt.`,
    notSame: () => 'Die beiden Passwörter stimmen nicht überein.',
    common: (field) => `${field}: Zu häufig und leicht zu erraten. Bitte ein anderes wählen.`,
    context: (field) =>
      `${field}: Dem Benutzernamen oder dem Namen dieses Dienstes zu ähnlich. Bitte ein anderes wählen.`,
    breached: (field) => `${field}: Aus einem Datenleck bekannt. Bitte ein anderes wählen.`,
    wrong: (field) => `${field} ist falsch.`,
    taken: (field) => `${field} ist schon vergeben. Bitte anders wählen.`,
    other: (field) => `${field} ist ungültig.`,
  },
  formExpired:
    'Das Formular ist abgelaufen, oder Sie haben sich inzwischen an- oder abgemeldet. Es wurde nichts geändert. Bitte noch einmal versuchen.',
  cookiesRefused:
    'Ihr Browser hat das Cookie dieser Seite nicht gesendet. Bitte Cookies für diese Seite erlauben, neu laden und noch einmal versuchen.',
  tooManyAttempts: (wait) => `Zu viele Versuche. Wieder möglich ${wait}.`,
  comeBackLater: 'Dieser Dienst ist im Moment nicht verfügbar. Bitte gleich noch einmal versuchen.',
  foreignField:
    'Das Formular hat ein unbekanntes Feld, vielleicht von einer Erweiterung Ihres Browsers. Es wurde nichts geändert. Bitte die Erweiterung ausschalten und noch einmal versuchen.',
  errors: {
    invalid_credentials: 'Benutzername oder Passwort ist falsch.',
    rate_limited: 'Zu viele Versuche. Bitte später noch einmal versuchen.',
    provider_denied:
      'Sie wurden nicht angemeldet: Sie haben abgebrochen, oder der andere Dienst hat abgelehnt. Bitte noch einmal versuchen.',
    provider_error: 'Der andere Dienst hat ungültig geantwortet. Bitte noch einmal versuchen.',
    provider_timeout: 'Der andere Dienst hat nicht rechtzeitig geantwortet. Bitte noch einmal versuchen.',
    invalid_state:
      'Die Anmeldung hat zu lange gedauert, wurde schon benutzt, oder Ihr Browser hat das Cookie dieser Seite nicht behalten. Bitte noch einmal versuchen.',
    invalid_token: 'Ihre Sitzung ist beendet. Bitte wieder anmelden.',
    fresh_authentication_required:
      'Ihre letzte Anmeldung liegt schon etwas zurück. Bestätigen Sie, dass Sie es sind, und versuchen Sie es dann noch einmal.',
    signup_disabled:
      'Die Registrierung ist ausgeschaltet. Bitte den Betreiber dieses Dienstes um Zugang bitten.',
    user_inactive: 'Dieser Benutzer ist deaktiviert. Bitte den Betreiber dieses Dienstes fragen.',
    link_required:
      'Ein Benutzer mit dieser E-Mail-Adresse ist schon vorhanden. Bitte wie bisher anmelden und dann den Dienst verknüpfen.',
    identity_taken:
      'Dieses Konto ist mit einem anderen Benutzer verknüpft. Bitte mit diesem anmelden und die Verknüpfung zuerst lösen.',
    last_way_in:
      'Das ist Ihre letzte Anmeldemethode. Bitte zuerst ein Passwort setzen oder einen anderen Dienst verknüpfen.',
    redirect_not_allowed:
      'Die App, von der Sie kommen, ist bei diesem Dienst nicht registriert. Bitte dem Betreiber der App melden.',
    origin_not_allowed:
      'Das Formular kam von einer anderen Adresse als der dieses Dienstes. Bitte diese Adresse öffnen und noch einmal versuchen:',
    validation_failed:
      'Die Adresse dieser Seite ist unvollständig oder ungültig. Bitte zur App zurückgehen und noch einmal versuchen.',
    query_too_long:
      'Die Adresse dieser Seite ist zu lang. Bitte zur App zurückgehen und noch einmal versuchen.',
    method_not_allowed: 'Diese Adresse nimmt solche Anfragen nicht an. Bitte zur Startseite gehen.',
    malformed_request: 'Die Anfrage Ihres Browsers ist nicht lesbar. Bitte noch einmal versuchen.',
    body_too_large: 'Das Formular hat zu viel Text. Bitte kürzen und noch einmal versuchen.',
    unsupported_media_type: 'Die Anfrage Ihres Browsers ist nicht lesbar. Bitte noch einmal versuchen.',
    not_found: 'Diese Adresse gibt es nicht. Bitte prüfen oder zur Startseite gehen.',
    username_taken:
      'Der Dienst hat keinen freien Benutzernamen gefunden. Bitte mit einem Benutzernamen registrieren und dann den Dienst verknüpfen.',
    server_error: 'Ein unerwarteter Fehler ist aufgetreten. Bitte noch einmal versuchen.',
  },
} satisfies Texts
