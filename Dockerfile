# Builds the gateway, without the tests.
FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json prisma.config.ts ./
COPY prisma prisma
COPY providers providers
COPY scripts scripts
COPY src src
RUN npm run build

# Removes the modules that the gateway does not run: the development packages, and the packages that only build it. npm would
# keep the Prisma CLI and TypeScript as optional peers of @prisma/client, if their lines stayed in package.json.
FROM build AS modules
RUN npm pkg delete devDependencies dependencies.esbuild dependencies.hasura-metadata-types dependencies.prisma \
    dependencies.typescript \
 && npm prune --ignore-scripts \
 && node dist/scripts/slim-modules.js node_modules

FROM node:26-slim
ENV NODE_ENV=production \
    AUTH_DATA_DIR=/data
WORKDIR /app
COPY scripts/health.sh /usr/local/bin/claimgate-health
# The embedded database and its secret are in /data, in the volume of `docker run -v`. With DATABASE_URL the gateway writes
# no files. No volume is declared here, because Docker would create one for every container.
RUN mkdir -m 0700 /data \
 && chown 1000:1000 /data \
 && ln -s /app/dist/src/cli/main.js /usr/local/bin/claimgate
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/dist/bundles dist/bundles
COPY --from=build /app/dist/providers dist/providers
COPY --from=build /app/dist/snapshot dist/snapshot
COPY --from=build /app/dist/src dist/src
COPY prisma prisma
COPY pages pages
COPY package.json ./
# The user "node" of the base image. Kubernetes needs the number to see that it is not root.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["claimgate-health", "/healthz"]
# Other commands run by `docker run … claimgate user list`, for example.
ENTRYPOINT ["node", "/app/dist/src/cli/main.js"]
CMD ["serve"]
