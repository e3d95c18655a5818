import AMQPClient
import Glibc
import Logging
import Millrace
import MillraceAdmin

/// The doors of a run, as its job file has them; one that does not open is named in the log, and the jobs run.
enum RunDoors {
    static func open(_ supervisor: Supervisor, _ file: JobFile, path: String, logger: Logger) -> Doors? {
        guard file.control != nil || file.admin != nil else { return nil }
        let doors = Doors(ControlRouter(supervisor, build: VersionCommand.version), logger: logger)
        if let control = file.control {
            do throws(DoorFailure) {
                let socket = try doors.openSocket(Self.place(path, control))
                logger.info("operators find it at a socket", metadata: ["socket": "\(socket)"])
            } catch {
                logger.error("no socket for operators", metadata: ["reason": "\(error)"])
            }
        }
        if let admin = file.admin { Self.open(admin, doors, logger) }
        return doors
    }

    private static func open(_ admin: AdminSettings, _ doors: Doors, _ logger: Logger) {
        do throws(DoorFailure) {
            let token = try admin.tokenFile.map(TokenFile.read)
            let port = try doors.openPort(admin, token: token)
            logger.info("operators find it at a port", metadata: ["address": "\(admin.host)", "port": .number(port)])
        } catch {
            logger.error("no port for operators", metadata: ["reason": "\(error)"])
        }
    }

    /// A path as another process finds it.
    static func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : Self.folder + "/" + path }

    /// That of this process.
    private static var folder: String {
        var folder = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&folder, folder.count) != nil else { return "/" }
        return String(decoding: folder.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Where the socket of a job file's supervisor is.
    static func place(_ path: String, _ settings: ControlSettings) -> SocketPlace {
        SocketPlace(
            jobFile: path,
            settings,
            folder: Self.folder,
            environment: { name in getenv(name).map { String(cString: $0) } },
            user: getuid()
        )
    }
}
