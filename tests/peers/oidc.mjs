// npm's oidc-provider, with the clients and people that the test gives; told what to be in HOTLINE_PEER.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const told = JSON.parse(process.env.HOTLINE_PEER);
const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const provider = new Provider(told.issuer, {
  clients: told.clients,
  jwks: { keys: [{ ...key, use: "sig", alg: "RS256", kid: "one" }] },
  cookies: { keys: ["for tests alone"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], acr: null },
  acrValues: ["eidas1", "eidas2"],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    jwtUserinfo: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    claimsParameter: { enabled: true },
  },
  findAccount: (_, sub) => told.accounts[sub] && { accountId: sub, claims: () => ({ sub, ...told.accounts[sub] }) },
});
provider.listen(told.port, "127.0.0.1");
