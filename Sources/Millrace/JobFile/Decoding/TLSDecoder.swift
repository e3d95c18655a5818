import AMQPClient

/// Reads the `tls` block of `connection`.
struct TLSDecoder {
    let log: DiagnosticLog

    /// Nil if there is no block, or after a diagnostic.
    func decode(_ connection: MappingReader, for endpoints: [Located<Endpoint>]) -> TLSOptions? {
        guard let reader = connection.mapping("tls", .tls) else { return nil }
        if !endpoints.isEmpty, endpoints.allSatisfy({ $0.value.tls == nil }) {
            self.log.error(.conflict, reader.span, "'tls' is for amqps://, and no 'uri' is one", help: "write amqps://")
        }
        for endpoint in endpoints {
            guard let tls = endpoint.value.tls, tls != TLSOptions() else { continue }
            self.log.error(
                .conflict,
                endpoint.span,
                "TLS is set in this URI and under 'tls'",
                help: "leave one of the two out"
            )
        }
        let key = self.path(reader, "key_file")
        let options = TLSOptions(
            caFile: self.path(reader, "ca_file")?.value,
            certificateFile: self.path(reader, "cert_file")?.value,
            keyFile: key?.value,
            verification: reader.choice("verify", TLSOptions.Verification.self)?.value ?? .full,
            serverName: reader.name("server_name").map { .name($0.value) } ?? .host
        )
        if let key, reader.pair("cert_file") == nil {
            self.log.error(.conflict, key.span, "'key_file' without 'cert_file'", help: "the two belong together")
        }
        return options
    }

    /// From the folder of the job file, as the paths of plugins.
    private func path(_ reader: MappingReader, _ key: String) -> Located<String>? {
        guard let text = reader.text(key) else { return nil }
        guard !text.value.isEmpty else {
            self.log.error(.badName, text.span, "'\(key)' is empty")
            return nil
        }
        return text.map { PluginPath.resolve($0, file: self.log.source.file) }
    }
}
