import AMQPClient
import ArgumentParser
import Glibc
import Millrace

/// The job file, as every command takes it.
struct JobFileArgument: ParsableArguments {
    @Argument(help: "The job file (YAML). ${VAR} and ${VAR:-default} in it are taken from the environment.")
    var file: String

    /// Loads the file; prints every error and ends with status 78 if there is one.
    func load() throws -> JobFile {
        do throws(JobFileError) {
            let file = try JobFile.load(path: self.file, environment: Self.environment)
            if !file.warnings.isEmpty { StandardError.block(DiagnosticRenderer.render(file.warnings)) }
            return file
        } catch {
            StandardError.block(error.description)
            throw ExitCode(78)
        }
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        // `environ` is read before any thread is started, and nobody changes it.
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                variables[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return variables
    }
}

extension JobFile {
    /// Loads the file's plugins and looks every handler up; prints every error and ends with status 78 if there is one.
    func loadPlugins() throws -> PluginRegistry {
        let (registry, errors) = PluginRegistry.load(self.plugins.map(\.path))
        var texts = errors.map(\.description)
        if errors.isEmpty {
            for job in self.jobs {
                do throws(PluginError) {
                    _ = try registry.handler(for: job)
                } catch {
                    texts.append("\(job.location): error: job '\(job.name)': \(error)")
                }
            }
        }
        guard texts.isEmpty else {
            for text in texts { StandardError.write(text) }
            throw ExitCode(78)
        }
        return registry
    }

    /// Reads the files that TLS needs; prints every error and ends with status 78 if there is one.
    func checkTLSFiles() throws {
        var texts: [String] = []
        for uri in self.connection.uris {
            do throws(AMQPError) {
                try self.connection.endpoint(uri).checkTLSFiles()
            } catch {
                let text = "\(self.connection.location): error: \(error)"
                if !texts.contains(text) { texts.append(text) }
            }
        }
        guard texts.isEmpty else {
            for text in texts { StandardError.write(text) }
            throw ExitCode(78)
        }
    }
}
