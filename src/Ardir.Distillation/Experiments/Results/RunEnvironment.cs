using System.Runtime.InteropServices;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Where a run was computed. Kernels differ between devices and processors, and with them the last digits of a result.</summary>
public sealed record RunEnvironment
{
    /// <summary>The device, for example "cpu" or "cuda:0".</summary>
    public required string Device { get; init; }

    /// <summary>Threads of libtorch.</summary>
    public required int Threads { get; init; }

    /// <summary>The operating system and the processor's architecture.</summary>
    public required string System { get; init; }

    /// <summary>Version of TorchSharp.</summary>
    public required string TorchSharp { get; init; }

    /// <summary>Version of this library.</summary>
    public required string Ardir { get; init; }

    internal static RunEnvironment Of(Device device) => new()
    {
        Device = device.ToString(),
        Threads = get_num_threads(),
        System = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}",
        TorchSharp = TorchSharpRuntime.Version.ToString(),
        Ardir = typeof(RunEnvironment).Assembly.GetName().Version?.ToString() ?? "",
    };
}
