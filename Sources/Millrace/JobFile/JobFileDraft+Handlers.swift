import AMQPClient
package import Logging

/// What a file says of things outside it: plugins, handlers, certificates, the crash ledger.
extension JobFileDraft {
    /// Loads the plugins that the file names, and looks the handlers of its jobs up.
    ///
    /// - Parameters:
    ///   - linkedIn: Handlers that need no plugin.
    ///   - time: Which time plugins are loaded in this process, from 0: a file that was put in the place of another since is
    ///     loaded beside it.
    /// - Returns: Those, and all that load.
    package func loadPlugins(
        beside linkedIn: PluginRegistry = PluginRegistry(),
        anew time: Int = 0
    ) -> PluginRegistry {
        var registry = linkedIn
        var areAllThere = true
        for plugin in self.decoded?.plugins ?? [] {
            do throws(PluginError) {
                try registry.add(try Plugin(path: plugin.value.path, anew: time))
            } catch {
                areAllThere = false
                self.log.error(.badPlugin, plugin.span, "\(error)")
            }
        }
        for job in self.decoded?.jobs ?? [] {
            guard let definition = job.definition else { continue }
            do throws(PluginError) {
                _ = try registry.handler(for: definition)
            } catch {
                // A plugin that does not load may have it.
                if case .unknownHandler = error.problem, !areAllThere, !registry.has(definition.handler) { continue }
                self.log.error(.badHandler, job.handlerSpan, "job '\(definition.name)': \(error)", help: error.advice)
            }
        }
        return registry
    }

    /// Makes the handler of each job once, with its options, and lets it go.
    ///
    /// - Parameters:
    ///   - registry: What ``loadPlugins()`` gave.
    ///   - logger: Gets what handlers log meanwhile.
    package func tryHandlers(_ registry: PluginRegistry, logger: Logger) {
        for job in self.decoded?.jobs ?? [] {
            // Options that could not be read would be missing for no fault of the handler.
            guard let definition = job.definition, job.with?.isWhole != false,
                let entry = try? registry.handler(for: definition)
            else { continue }
            for problem in HandlerTrial.problems(of: definition, entry, logger: logger) {
                self.log.error(
                    problem.option.isEmpty ? .handlerStart : .unreadOption,
                    job.with?.keySpan(of: problem.option[...]) ?? job.programSpan ?? job.nameSpan,
                    "job '\(definition.name)': \(problem.reason)",
                    help: problem.nearest.map { "did you mean '\($0)'?" }
                )
            }
        }
    }

    /// Reads the files that TLS needs.
    package func checkTLSFiles() {
        guard let connection = self.decoded?.connection, connection.value.embedded == nil else { return }
        for uri in connection.value.uris {
            do throws(AMQPError) {
                try connection.value.endpoint(uri).checkTLSFiles()
            } catch {
                self.log.error(.badTLSFile, connection.span, "\(error)")
            }
        }
    }

    /// Looks up the time zones that schedules name.
    ///
    /// - Parameter folder: Where they are.
    package func checkTimeZones(_ folder: ZoneFolder = .system) {
        for timezone in (self.decoded?.schedules ?? []).compactMap(\.timezone) {
            do throws(ZoneFolder.Failure) {
                _ = try folder.zone(timezone.value)
            } catch {
                // A variable's value is not told, nor what is like it.
                let isShown = self.log.shown(timezone.value, at: timezone.span) == timezone.value
                let message = isShown ? error.message : "there is no such time zone"
                self.log.error(.badTimezone, timezone.span, message, help: isShown ? error.help : nil)
            }
        }
    }

    /// Whether there is a place for the crash ledger; jobs run without one.
    package func checkCrashLedger() {
        guard let ledger = self.decoded?.crashLedger, let file = self.decoded?.jobFile(self.log),
            let problem = file.crashLedgerProblem
        else { return }
        self.log.warning(.badLedger, ledger.span, problem)
    }
}

extension PluginError {
    /// What to write instead of a handler's name.
    fileprivate var advice: String? {
        guard case .unknownHandler(let name, let offered) = self.problem else { return nil }
        return NearestName.of(name, among: offered).map { "did you mean '\($0)'?" }
    }
}

extension YAMLNode {
    /// Whether every value in it could be read.
    fileprivate var isWhole: Bool {
        switch self.content {
        case .broken: false
        case .scalar(let scalar): scalar.style != .plain || PlainScalar(scalar.text) != .hugeNumber
        case .sequence(let items): items.allSatisfy(\.isWhole)
        case .mapping(let pairs): pairs.allSatisfy(\.value.isWhole)
        }
    }

    /// Where the last of these keys stands, each in the value of the one before.
    fileprivate func keySpan(of path: ArraySlice<String>) -> SourceSpan? {
        guard let key = path.first, case .mapping(let pairs) = self.content,
            let pair = pairs.first(where: { $0.key == key })
        else { return nil }
        return path.count == 1 ? pair.keySpan : pair.value.keySpan(of: path.dropFirst())
    }
}
