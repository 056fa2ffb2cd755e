namespace Ardir.Tests;

/// <summary>A fact that needs a CUDA device and says so when there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GpuFactAttribute : FactAttribute
{
    public GpuFactAttribute()
    {
        if (!cuda_is_available()) Skip = "No CUDA device (or a CPU build of libtorch).";
    }
}
