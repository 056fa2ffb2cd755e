using System.Reflection;
using Microsoft.Extensions.Logging;

namespace Ardir.Core;

/// <summary>
/// Reports whether native calls of the TorchSharp that this process has loaded are safe from garbage collections. TorchSharp up to 0.107.0
/// passes the handle of a managed object to libtorch and does not keep the object alive during the call, so a collection on any thread may
/// free what libtorch is reading. The MSBuild target that comes with <c>Ardir.Core</c> marks the methods concerned as not to be optimised,
/// in the copy of <c>TorchSharp.dll</c> in the output folder of a program, and the runtime then keeps their arguments alive
/// (<c>docs/backends.md</c>, property <c>ArdirKeepArgumentsAlive</c>).
/// </summary>
public static class TorchSharpRuntime
{
    /// <summary>The newest version of TorchSharp that is known to need the repair.</summary>
    internal static readonly Version LastUnsafeVersion = new(0, 107, 0);

    // Three methods that every attack and every training step calls. Checking them is enough, since the build marks either all methods
    // that call native code or none.
    private static readonly MethodInfo?[] _samples =
    [
        typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.mul), [typeof(Scalar)]),
        typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.add), [typeof(torch.Tensor), typeof(Scalar)]),
        typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.div), [typeof(torch.Tensor), typeof(RoundingMode)]),
    ];

    private static readonly Lazy<bool> _keepsArgumentsAlive = new(Check);

    /// <summary>The version of the loaded assembly, for example 0.107.0.0.</summary>
    public static Version Version { get; } = typeof(torch.Tensor).Assembly.GetName().Version!;

    /// <summary>
    /// Whether calls into libtorch keep their arguments alive: because the loaded <c>TorchSharp.dll</c> has been repaired by the build, or
    /// because its version is above 0.107.0. When false, a program that allocates on another thread while libtorch works may get an
    /// <see cref="System.Runtime.InteropServices.ExternalException"/> such as <i>Expected false to be true, but got false</i>, or its
    /// process may crash. The value never changes during the lifetime of the process.
    /// </summary>
    public static bool KeepsArgumentsAlive => _keepsArgumentsAlive.Value;

    /// <summary>
    /// Runs work that calls into libtorch: an attack, an evaluation or a training run. Where <see cref="KeepsArgumentsAlive"/> is false it
    /// warns once per process, and a call that failed because the garbage collector freed its argument says so. Where freed memory could be
    /// kept (<see cref="FreedMemory"/>) it says so once, as information.
    /// </summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="logger">Receives the warning and the information.</param>
    /// <param name="work">The work.</param>
    /// <returns>What the work returned.</returns>
    /// <exception cref="NativeArgumentFreedException">A native call failed because the collector freed its argument.</exception>
    public static T Run<T>(ILogger logger, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentNullException.ThrowIfNull(work);
        FreedMemoryHint.OfProcess.Tell(logger);
        return NativeCallGuard.OfProcess.Run(logger, work);
    }

    /// <summary>Whether a failure is that of a native call whose argument was freed, for code that handles failures of a model.</summary>
    /// <param name="failure">An exception; its inner exceptions are looked at, too.</param>
    /// <returns>Whether it is; never where <see cref="KeepsArgumentsAlive"/> is true.</returns>
    public static bool Explains(Exception? failure) => NativeCallGuard.OfProcess.Explains(failure);

    /// <summary>Whether a TorchSharp of this version is safe without the repair. The fourth number of the version is ignored.</summary>
    internal static bool NeedsNoRepair(Version version) =>
        new Version(version.Major, version.Minor, Math.Max(version.Build, 0)) > LastUnsafeVersion;

    private static bool Check() => NeedsNoRepair(Version) || _samples.All(IsRepaired);

    private static bool IsRepaired(MethodInfo? method) =>
        method?.MethodImplementationFlags.HasFlag(MethodImplAttributes.NoOptimization) == true;
}
