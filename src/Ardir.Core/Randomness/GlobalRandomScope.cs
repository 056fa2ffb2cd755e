namespace Ardir.Core;

/// <summary>
/// Makes code that draws from the global generator (a student's dropout) repeatable: reseed inside the scope, and disposal restores the
/// state of the caller's generator. Only the CPU generator is restored: TorchSharp cannot read the state of the CUDA generators, so they
/// stay reseeded.
/// </summary>
public sealed class GlobalRandomScope : IDisposable
{
    private readonly Tensor _saved = torch.random.get_rng_state().DetachFromDisposeScope();

#pragma warning disable CA1822 // an instance method, so that the global generator can be reseeded only while a scope exists
    /// <summary>Seeds the global generators of the CPU and of all GPUs.</summary>
    /// <param name="seed">The seed.</param>
    public void Reseed(ulong seed)
    {
#pragma warning disable RS0030 // allowed only here, because the scope restores the caller's state
        random.manual_seed((long)seed);
#pragma warning restore RS0030
        if (cuda_is_available()) cuda.manual_seed_all((long)seed);
    }
#pragma warning restore CA1822

    /// <summary>Restores the state that the CPU generator had.</summary>
    public void Dispose()
    {
        torch.random.set_rng_state(_saved);
        _saved.Dispose();
    }
}
