import AMQPClient
import ArgumentParser
import Millrace
import MillraceAdmin

extension JobFile {
    /// The file with a broker that another process can connect to: one in memory is asked for at its supervisor's socket.
    ///
    /// - Parameter path: Of the job file.
    /// - Returns: The same file, where its broker is another one.
    /// - Throws: Status 3 where no supervisor runs, with the reason told.
    func reachable(_ path: String) throws -> JobFile {
        guard let embedded = self.connection.embedded else { return self }
        var file = self
        file.connection.uris = [try self.address(embedded, path)]
        return file
    }

    private func address(_ embedded: EmbeddedSettings, _ path: String) throws -> String {
        let broker = "the broker of \(path) is inside its supervisor and in memory"
        guard let control = self.control else {
            // Nobody can be asked, but who chose a port knows it.
            if embedded.port > 0 { return "amqp://guest:guest@127.0.0.1:\(embedded.port)" }
            throw Self.refuse(
                "\(broker), and `control: false` lets nobody ask for its port: write one, uri: embedded:5673"
            )
        }
        let socket = RunDoors.place(path, control).path
        let client = ControlClient(socket: socket)
        guard let answer = try? client.ask(.get, "/api/v1/status", wantsText: false, patience: .seconds(5)) else {
            throw Self.refuse("\(broker), and none runs: nobody is at \(socket); start it with: millrace run \(path)")
        }
        guard answer.status == 200, let status = OptionValue(json: answer.body),
            let uri = status["connection"]?["uri"]?.text
        else { throw Self.refuse("\(broker), and the one that runs has another broker; start it anew") }
        return uri
    }

    private static func refuse(_ text: String) -> ExitCode {
        StandardError.write(PlainText.line(text))
        return ControlOptions.nobody
    }
}
