using System.Buffers.Binary;

namespace Ardir.Core;

/// <summary>
/// Makes code that draws from the global generator (a student's dropout) repeatable: reseed inside the scope, and disposal restores the
/// state of the caller's generator. Only the CPU generator is restored: TorchSharp cannot read the state of the CUDA generators, so they
/// stay reseeded.
/// </summary>
public sealed class GlobalRandomScope : IDisposable
{
    private const int Attempts = 100;

    // The state of libtorch's Mersenne Twister: seed (8 bytes), numbers left (4), whether seeded (4), position (8), 624 words of 8 bytes
    // and what else has been drawn.
    private const int Length = 5056;
    private const int Words = 624;

    private readonly Tensor? _saved = Undisturbed(torch.random.get_rng_state);

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

    /// <summary>Restores the state that the CPU generator had, unless another thread drew from it all the time while it was
    /// read.</summary>
    public void Dispose()
    {
        if (_saved is null || _saved.IsInvalid) return;
        torch.random.set_rng_state(_saved);
        _saved.Dispose();
    }

    /// <summary>A state that no other thread was changing while it was copied, or null.</summary>
    internal static Tensor? Undisturbed(Func<Tensor> read)
    {
        // libtorch copies the state without waiting for a thread that draws. A copy from the middle of a draw can be invalid, and libtorch
        // ends the process when it is given one. Nobody drew between two copies that are equal.
        var state = read().DetachFromDisposeScope();
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var next = read().DetachFromDisposeScope();
            using var same = state.eq(next);
            using var all = same.all();
            var undisturbed = HostRead.Bool(all);
            state.Dispose();
            state = next;
            if (undisturbed && IsSound(state)) return state;
        }
        state.Dispose();
        return null;
    }

    // Another thread's draw that met the return of a state leaves counts that libtorch would not take again.
    private static bool IsSound(Tensor state)
    {
        if (state.numel() != Length) return true;
        var bytes = state.bytes;
        var (left, position) = (BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
        return left is > 0 and <= Words && position <= Words;
    }
}
