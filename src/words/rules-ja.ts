/** The rule catalogue in Japanese. A missing rule is a compile error. */
import type { RuleId } from '../rules/catalogue.ts';

interface Words {
  readonly title: string;
  readonly seeks: string;
}

/** What the sender wanted, with the protocol that the recorded sentence names; undefined for rules of a later version. */
export function seeksInJapanese(rule: string, recorded: string): string | undefined {
  const seeks = (rulesInJapanese as Readonly<Record<string, Words | undefined>>)[rule]?.seeks;
  const protocol = /another protocol \(([^)]+)\)/.exec(recorded)?.[1];
  return protocol === undefined ? seeks : seeks?.replace('別のプロトコル', `別のプロトコル（${protocol}）`);
}

export const rulesInJapanese: Readonly<Record<RuleId, Words>> = {
  'client-banned': { title: 'BAN 中のクライアント', seeks: '以前の探査の続き' },
  'rate-limited': { title: '上限を超えた数のリクエスト', seeks: '割り当て以上のサーバー資源' },
  socks4: { title: 'HTTP ではなく SOCKS4/SOCKS4a の要求', seeks: '身代わりに接続してくれる SOCKS プロキシ' },
  socks5: {
    title: 'HTTP ではなく SOCKS5 の最初の挨拶',
    seeks: '身代わりに接続してくれる SOCKS プロキシ',
  },
  'tls-on-plaintext': {
    title: '平文 HTTP のポートに届いた TLS ClientHello',
    seeks: 'このポートの HTTPS サーバー',
  },
  'smtp-on-http': {
    title: 'HTTP のポートに届いた SMTP コマンド',
    seeks: 'メールサーバー、またはボディをメールとして流してしまう HTTP サーバー',
  },
  'proxy-protocol': {
    title: '送る資格のない相手からの PROXY プロトコルヘッダー',
    seeks: '送信元アドレスの詐称',
  },
  'h2-preface': {
    title: 'HTTP/1 のリスナーに届いた HTTP/2 プリフェース',
    seeks: 'HTTP/1 の検査をすり抜けられる、TLS なしの HTTP/2',
  },
  'not-http': {
    title: '接続の冒頭が HTTP ではない別のプロトコル',
    seeks: '別のプロトコルのサービス、またはそこへのゲートウェイ',
  },
  connect: { title: 'CONNECT', seeks: 'このサーバーを通り抜けるトンネル' },
  'extended-connect': {
    title: '提供していないプロトコルへの拡張 CONNECT',
    seeks: 'HTTP/2 でこのサーバーを通り抜けるトンネル',
  },
  'absolute-form-scheme': {
    title: 'http でも https でもないスキームの absolute-form',
    seeks: 'FTP-over-HTTP ゲートウェイのような、別プロトコルでの取得',
  },
  'absolute-form-userinfo': {
    title: 'ホストの前に userinfo が付いた absolute-form',
    seeks: '@ のどちら側がホストかを取り違えるパーサー',
  },
  'absolute-form-foreign': {
    title: '自分のものではないホストへの absolute-form',
    seeks: 'このサーバー経由でのよそのページの取得',
  },
  'absolute-form-port': {
    title: '自分の名前だが、提供していないポートへの absolute-form',
    seeks: 'Web サーバー経由で届く、このマシンの別のサービス',
  },
  'absolute-form-host-mismatch': {
    title: 'absolute-form と Host 行とでホストが食い違う',
    seeks: '前後に並んだ二台のサーバーの間での、宛先の解釈の食い違い',
  },
  framing: {
    title: '境界が曖昧、または壊れているメッセージ',
    seeks: '前後に並んだ二台のサーバーの間での、リクエストの終わりの食い違い',
  },
  'method-unknown': {
    title: 'どこにも登録されていないメソッド',
    seeks: '知らないメソッドを別のものとして扱うサーバーや検査',
  },
  'header-overflow': {
    title: '読み取りの上限を超える長さのリクエスト行またはヘッダー',
    seeks: 'メモリーと時間。または Cookie の多いブラウザー',
  },
  'target-malformed': {
    title: '四つの形式のどれでもない request-target',
    seeks: '足りない部分を勝手に補って URL を組み立てるサーバー',
  },
  'host-duplicate': {
    title: '二つ以上の Host',
    seeks: '前後に並んだ二台のサーバーが別々の Host 行を読むこと',
  },
  'host-malformed': {
    title: '「ホストと任意のポート」になっていない Host 行',
    seeks: 'そこから別のホストを読み取るサーバー',
  },
  'host-missing': {
    title: 'Host のない HTTP/1.1 リクエスト',
    seeks: '名前を知らないサーバーの、既定のサイト',
  },
  'host-foreign': {
    title: '自分のどのサイトでもない Host 行',
    seeks: '誰が書いたものであれ、Host のとおりに転送するサーバー',
  },
  'host-port': {
    title: '自分の名前だが、提供していないポートを指す Host 行',
    seeks: 'Host に従って転送するサーバー越しの、このマシンの別のサービス',
  },
  'authority-mismatch': {
    title: 'HTTP/2 の :authority と host フィールドの食い違い',
    seeks: '前後に並んだ二台のサーバーの間での、宛先の解釈の食い違い',
  },
  trace: {
    title: 'TRACE、または Max-Forwards の回数指定',
    seeks: 'リクエストのおうむ返し、または背後にあるサーバーの段数',
  },
  'proxy-authorization': { title: 'Proxy-Authorization 行', seeks: '認証情報を渡して使うプロキシ' },
  'proxy-connection': {
    title: 'Proxy-Connection 行',
    seeks: 'プロキシ。オリジンサーバーにこれを送るクライアントはない',
  },
  'connection-strips': {
    title: 'エンドツーエンドのヘッダーを名指しした Connection 行',
    seeks: '検査が頼りにするヘッダーを途中で消すこと',
  },
  'upgrade-unknown': {
    title: '提供していないプロトコルへの Upgrade',
    seeks: 'HTTP を離れて検査をすり抜ける接続',
  },
  'host-override': {
    title: 'よそのホストでホストを上書きする、またはクライアントを名乗るヘッダー',
    seeks: 'Host 行や接続よりそのヘッダーを信じるバックエンド',
  },
  'path-proxy': {
    title: 'パスやパラメーターに書かれた、プロキシスクリプト向けの宛先: /proxy/10.0.0.1/',
    seeks: 'それを取りに行くプロキシスクリプトや書き換え規則',
  },
  'sni-foreign': {
    title: '自分のものではない名前を求める TLS の ClientHello',
    seeks: 'ClientHello の名前の相手へ TLS をそのまま流すサーバー',
  },
  'url-in-path': {
    title: 'パスのあるべき所に書かれたよその URL',
    seeks: 'パスに書かれたものを取りに行くスクリプトや書き換え規則',
  },
  'smtp-foreign-recipient': {
    title: '中継を許されていないクライアントからの、自分のドメイン以外の宛先',
    seeks: 'このサーバーを使った第三者宛てのメール',
  },
  'smtp-source-route': {
    title: 'アドレスの前のソースルート: @host,@host:user@host',
    seeks: '最後のドメインだけを確かめ、経路どおりにメールを流すサーバー',
  },
  'smtp-percent-hack': {
    title: '自分のドメインのローカル部に % がある: user%host@ours',
    seeks: '% を @ に読み替えて先へ送るメールサーバー',
  },
  'smtp-bang-path': {
    title: '自分のドメインのローカル部、またはドメインなしの UUCP パス: host!user',
    seeks: '! の前の語を次のホストとみなすメールサーバー',
  },
  'smtp-quoted-route': {
    title: '引用符に包んだ別のアドレスや経路: "user@host"@ours',
    seeks: '引用符の中を見ない検査と、その後ろで引用符を外すメールサーバー',
  },
  'smtp-malformed-path': {
    title: 'RFC 5321 が許さないアドレス',
    seeks: '前後に並んだ二台のメールサーバーが別々の宛先を読み取ること',
  },
  'smtp-auth-failed': {
    title: 'メールサーバーへのログインの失敗',
    seeks: 'メールを送るためのアカウント',
  },
  'smtp-own-sender': {
    title: 'クライアントのものではない差出人: 外部からの自分のドメイン、またはアカウントの一覧にないもの',
    seeks: '他人になりすますこと',
  },
  'smtp-smuggling': {
    title: '本文中の裸の CR や LF、またはコマンドの CRLF でない行末',
    seeks: '前後に並んだ二台のメールサーバーの間での、メールの終わりの食い違い',
  },
  'smtp-early-talk': {
    title: '待つべき応答より先に送られたバイト列',
    seeks: '送ったときとは別の状態で読まれるコマンド',
  },
};
