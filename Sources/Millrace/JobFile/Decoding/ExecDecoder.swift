import AMQPCore

/// Reads `handler: { exec: [./resize.py, --fast] }`: a program, as a handler's name and its options.
struct ExecDecoder {
    /// Who runs programs, where it is linked in.
    static let name = HandlerName(plugin: "millrace", handler: "exec")

    struct Program {
        let options: [String: OptionValue]
        /// The job's, written beside its program.
        let timeout: Located<Duration>?
        /// Between SIGTERM and SIGKILL.
        let grace: Duration
        /// Where the program is named.
        let span: SourceSpan
    }

    let log: DiagnosticLog
    /// Variables that programs do not inherit.
    let withheld: [String]

    /// Whether a job's handler is a program and not a name.
    static func isProgram(_ job: MappingReader) -> Bool {
        if case .mapping = job.node("handler")?.content { true } else { false }
    }

    /// Nil after a diagnostic.
    func decode(_ job: MappingReader, queue: String?) -> Program? {
        guard let reader = job.mapping("handler", .exec) else { return nil }
        var options: [String: OptionValue] = [
            "folder": .string(PluginPath.folder(of: self.log.source.file)), "queue": .string(queue ?? ""),
            "withheld": .array(self.withheld.map { .string($0) }),
        ]
        let timeout = reader.duration("timeout", in: .milliseconds(1) ... .seconds(86_400))
        let grace = reader.duration("grace", in: .zero ... .seconds(3600))?.value ?? .seconds(3)
        options["grace"] = .string(DurationText.write(grace))
        if let most = reader.int("max_output", in: 1...134_217_728) { options["max_output"] = .int(Int64(most.value)) }
        if let environment = self.environment(reader) { options["env"] = environment }
        if let output = self.output(reader) { options["output"] = output }
        if let pair = job.pair("with") {
            self.log.error(
                .conflict,
                pair.keySpan,
                "'with' is for handlers of plugins; a program does not see it",
                help: "give it arguments in 'exec', or variables in 'env'"
            )
        }
        guard let command = self.command(reader), let first = command.first else { return nil }
        options["exec"] = .array(command.map { .string($0.value) })
        return Program(options: options, timeout: timeout, grace: grace, span: first.span)
    }

    /// A program that does not hear is killed before its worker is given up.
    func check(_ program: Program, _ settings: JobSettings) {
        guard let kill = settings.killTimeout, let timeout = settings.timeout, kill.value > timeout.value,
            kill.value <= timeout.value + program.grace
        else { return }
        self.log.error(
            .conflict,
            kill.span,
            "'kill_timeout' (\(self.log.shown(kill))) is not after 'timeout' (\(self.log.shown(timeout))) and 'grace'"
                + " (\(DurationText.write(program.grace))): the program would not be killed by then",
            help: "raise 'kill_timeout', or lower 'grace'"
        )
    }

    /// The program and its arguments; nil after a diagnostic, or without.
    private func command(_ reader: MappingReader) -> [Located<String>]? {
        guard let node = reader.node("exec") else { return nil }
        if case .scalar(let scalar) = node.content, scalar.style != .plain || PlainScalar(scalar.text) != .null {
            self.log.error(
                .wrongType,
                node.span,
                "'exec' is a list, the program and its arguments, and no shell reads it",
                help: "write [./program, argument]; for a shell [sh, -c, '...']"
            )
            return nil
        }
        let items = reader.list("exec")
        if case .mapping = node.content { return nil }
        var command: [Located<String>] = []
        for item in items {
            guard let text = self.word(item, "exec") else { return nil }
            command.append(text)
        }
        guard let name = command.first else {
            if case .broken = node.content { return nil }
            self.log.error(.badName, node.span, "'exec' names no program", help: "write [./program, argument]")
            return nil
        }
        if name.value.isEmpty {
            self.log.error(.badName, name.span, "the program's name is empty")
            return nil
        }
        // A name without a slash is looked for in PATH.
        if name.value.contains("/") {
            command[0].value = PluginPath.resolve(name.value, file: self.log.source.file)
        }
        return command
    }

    /// A scalar as it is written: a program knows no numbers.
    private func word(_ node: YAMLNode, _ key: String) -> Located<String>? {
        guard let scalar = node.scalar(wants: "text", key: key, log: self.log) else { return nil }
        if scalar.value.text.utf8.contains(0) {
            self.log.error(.wrongType, node.span, "'\(key)' holds a NUL, which no program can be given")
            return nil
        }
        return scalar.map(\.text)
    }

    private func environment(_ reader: MappingReader) -> OptionValue? {
        guard let node = reader.node("env"),
            let pairs = MappingReader.pairs(of: node, subject: "'env' of \(reader.subject)", log: self.log)
        else { return nil }
        var members: [OptionValue.Member] = []
        for pair in pairs {
            let octets = pair.key.utf8
            let isLegal = !octets.isEmpty && !octets.contains(0x3D) && !octets.contains(0)
            guard isLegal, octets.first.map({ !(0x30...0x39).contains($0) }) == true else {
                let help = "letters, digits and _, and no digit first"
                self.log.error(.badName, pair.keySpan, "\(quoted(pair.key)) can not be a variable's name", help: help)
                continue
            }
            if pair.key.hasPrefix("MILLRACE_") {
                let message = "\(quoted(pair.key)): the variables MILLRACE_... are those of the message"
                self.log.error(.badName, pair.keySpan, message, help: "choose another name")
                continue
            }
            guard let value = self.word(pair.value, pair.key) else { continue }
            members.append(OptionValue.Member(key: pair.key, value: .string(value.value)))
        }
        return .object(members)
    }

    private func output(_ reader: MappingReader) -> OptionValue? {
        guard let output = reader.mapping("output", .execOutput) else { return nil }
        var members: [OptionValue.Member] = []
        for key in KeySet.execOutput.keys {
            guard let name = output.name(key, isEmptyAllowed: key == "exchange") else { continue }
            members.append(OptionValue.Member(key: key, value: .string(name.value)))
        }
        return .object(members)
    }
}
