using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Ardir.Core;
using Ardir.Tests;

namespace Ardir.Benchmarks;

/// <summary>Feeds readers with damaged and hostile variants of valid files. Anything but their own exception, a slow input or much memory is a failure.</summary>
internal static class FuzzBenchmark
{
    private const double SlowSeconds = 5;

    private static readonly string _seeds = Path.Combine(AppContext.BaseDirectory, "Fuzz");

    public static int Run(string[] args)
    {
        var (inputs, seed) = (CommandLineValue.Of(args, "--inputs", 100_000), CommandLineValue.Of(args, "--seed", 1));
        set_num_threads(1);
        var folder = Directory.CreateTempSubdirectory("ardir-fuzz-").FullName;
        try
        {
            var readers = Readers(folder);
            var random = new Random(seed);
            var (accepted, slowest) = (0, 0.0);
            for (var i = 0; i < inputs; i++)
            {
                var (name, valid, read) = readers[i % readers.Count];
                var input = FileMutator.Mutate(valid, random);
                var clock = Stopwatch.StartNew();
                try
                {
                    read(input);
                    accepted++;
                }
                catch (Exception e) when (e is WeightFormatException or DataFormatException)
                {
                    // what they are for
                }
                catch (Exception e)
                {
                    var kept = Path.GetFullPath($"fuzz-{seed}-{i}.bin");
                    File.WriteAllBytes(kept, input);
                    Console.WriteLine($"{name}, input {i}: {e.GetType().Name}: {e.Message}\nThe input is in {kept}.");
                    return 1;
                }
                slowest = Math.Max(slowest, clock.Elapsed.TotalSeconds);
                if (i % 10_000 == 9_999) Console.Error.WriteLine($"{i + 1} inputs");
            }
            using var process = Process.GetCurrentProcess();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{inputs} inputs of {readers.Count} kinds: {accepted} read, {inputs - accepted} refused with the readers' own exceptions; slowest {slowest:F2} s, peak memory {process.PeakWorkingSet64 >> 20} MiB"));
            return slowest > SlowSeconds ? 1 : 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<(string Name, byte[] Valid, Action<byte[]> Read)> Readers(string folder)
    {
        var file = Path.Combine(folder, "weights");
        void Weights(byte[] input)
        {
            File.WriteAllBytes(file, input);
            StateDict.Read(file).Dispose();
        }

        List<(string, byte[], Action<byte[]>)> readers = [.. Directory.EnumerateFiles(_seeds).Order(StringComparer.Ordinal).Select(path => (Path.GetFileName(path), File.ReadAllBytes(path), (Action<byte[]>)Weights))];
        using (var model = nn.Linear(3, 2))
        {
            model.SaveSafetensors(file);
            readers.Add(("safetensors", File.ReadAllBytes(file), Weights));
        }
        byte[] images = [.. Idx(0x803, 6, 4, 4), .. Enumerable.Range(0, 96).Select(i => (byte)i)];
        byte[] labels = [.. Idx(0x801, 6), 0, 1, 2, 3, 4, 5];
        readers.Add(("idx images", images, input => Mnist(input, labels)));
        readers.Add(("idx labels", labels, input => Mnist(images, input)));
        return readers;

        void Mnist(byte[] imageFile, byte[] labelFile)
        {
            File.WriteAllBytes(Path.Combine(folder, "t10k-images-idx3-ubyte"), imageFile);
            File.WriteAllBytes(Path.Combine(folder, "t10k-labels-idx1-ubyte"), labelFile);
            ImageDataset.Mnist(folder, Split.Test).Dispose();
        }
    }

    private static byte[] Idx(params int[] numbers)
    {
        var bytes = new byte[4 * numbers.Length];
        for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), numbers[i]);
        return bytes;
    }
}
