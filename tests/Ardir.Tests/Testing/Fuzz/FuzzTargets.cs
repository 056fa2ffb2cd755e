using Ardir.Core;
using SkiaSharp;

namespace Ardir.Tests;

/// <summary>Every reader of files in the library, with valid files to start from.</summary>
internal static class FuzzTargets
{
    private const int Records = 2;

    /// <summary>All of them.</summary>
    /// <param name="torch">A folder with files of torch.save.</param>
    /// <param name="folder">An empty folder to write to.</param>
    public static IReadOnlyList<FuzzTarget> All(string torch, string folder)
    {
        byte[] Torch(string name) => File.ReadAllBytes(Path.Combine(torch, name));
        var pickle = PickleBytes.Of(PickleBytes.StateDict("w", 6, 0, [2, 3], [3, 1]));
        return
        [
            Weights("torch zip", folder) with
            {
                Valid = [Torch("odd.pt"), Torch("checkpoint.pt"), Torch("whole_model.pt"), Torch("scripted.pt")], Magic = "PK\u0003\u0004"u8.ToArray(), Hostile = HostileWeights.Zip,
            },
            Weights("torch zip, its pickle", folder) with { Valid = [pickle], Pack = content => ZipBytes.Of(("a/data.pkl", content), ("a/data/0", new byte[24])), Hostile = HostileWeights.Zip },
            Weights("legacy torch", folder) with { Valid = [Torch("odd_legacy.pt"), Torch("checkpoint_legacy.pt")], Magic = Torch("odd_legacy.pt")[..15], Hostile = HostileWeights.Legacy },
            Weights("safetensors", folder) with { Valid = [Safetensors(folder)], Magic = [64, 0, 0, 0, 0, 0, 0, 0, (byte)'{'], Hostile = HostileWeights.Safetensors },
            .. DataFiles(folder),
            Pictures("PNG", "png", [PngEncoder.Encode(Pixels(24 * 24 * 3), 24, 24, 3), PngEncoder.Encode(Pixels(24 * 24), 24, 24, 1)], folder) with { Magic = [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10], Hostile = HostileData.Png },
            Pictures("PNG, its rows", "png", [[.. Enumerable.Range(0, 24).SelectMany(row => (byte[])[(byte)(row % 5), .. Pixels(24)])]], folder) with { Pack = rows => HostileData.Png([0, 0, 0, 24, 0, 0, 0, 24, 8, 0, 0, 0, 0], rows, 1), Hostile = HostileData.Png },
            Pictures("JPEG", "jpg", [Jpeg()], folder) with { Magic = [0xFF, 0xD8, 0xFF], Hostile = HostileData.Jpeg },
        ];
    }

    private static IEnumerable<FuzzTarget> DataFiles(string folder)
    {
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 4, 0, 0, 0, 4, .. Pixels(96)], labels = [0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 2, 3, 4, 5];
        Action<byte[]> Mnist(bool mutatesImages) => input =>
        {
            File.WriteAllBytes(Path.Combine(folder, "t10k-images-idx3-ubyte"), mutatesImages ? input : images);
            File.WriteAllBytes(Path.Combine(folder, "t10k-labels-idx1-ubyte"), mutatesImages ? labels : input);
            ImageDataset.Mnist(folder, Split.Test).Dispose();
        };
        yield return Data("idx images", Mnist(true)) with { Valid = [images], Aim = [.. Enumerable.Range(0, 16)], Magic = [0, 0, 8, 3], Hostile = HostileData.Idx };
        yield return Data("idx labels", Mnist(false)) with { Valid = [labels], Magic = [0, 0, 8, 1], Hostile = HostileData.Idx };
        yield return Data("gzipped idx", Mnist(true)) with { Valid = [images], Aim = [.. Enumerable.Range(0, 16)], Pack = HostileData.Gzip, Magic = [0x1F, 0x8B, 8, 0], Hostile = HostileData.GzipIdx };

        yield return Data("CIFAR-10", Named("test_batch.bin", () => ImageDataset.Cifar10(folder, Split.Test))) with
        {
            Valid = [[3, .. Pixels(3072), 5, .. Pixels(3072)]], Aim = [0, 3073], Hostile = random => HostileData.Cifar(random, 1),
        };
        yield return Data("CIFAR-100", Named("test.bin", () => ImageDataset.Cifar100(folder, Split.Test))) with
        {
            Valid = [[3, 50, .. Pixels(3072)]], Aim = [0, 1], Hostile = random => HostileData.Cifar(random, 2),
        };

        // Most of a stored file is pixels: aim at what surrounds them.
        foreach (var bigEndian in new[] { false, true })
        {
            var mat = new MatBytes(bigEndian);
            mat.Add(mat.Matrix("X", 9, [32, 32, 3, Records], 2, Pixels(3072 * Records))).Add(mat.Matrix("y", 6, [Records, 1], 2, [7, 10], small: true));
            yield return Svhn($"SVHN, {(bigEndian ? "big-endian" : "stored")}", mat.File) with { Aim = [.. Enumerable.Range(110, 90), .. Enumerable.Range(mat.File.Length - 70, 70)] };
        }
        var packed = new MatBytes();
        var x = packed.Matrix("X", 9, [32, 32, 3, Records], 2, Pixels(3072 * Records));
        yield return Svhn("SVHN, compressed", packed.AddCompressed(x).AddCompressed(packed.Matrix("y", 6, [Records, 1], 2, [7, 10], small: true)).File);
        yield return Svhn("SVHN, inside the compressed", x) with { Aim = [.. Enumerable.Range(0, 70)], Pack = element => new MatBytes().AddCompressed(element).Add(packed.Matrix("y", 6, [Records, 1], 2, [7, 10], small: true)).File };

        FuzzTarget Svhn(string name, byte[] file) => Data(name, Named("train_32x32.mat", () => ImageDataset.Svhn(folder, Split.Train))) with { Valid = [file], Magic = MatBytes.Header(), Hostile = HostileData.Mat };

        Action<byte[]> Named(string name, Func<ImageDataset> read) => input =>
        {
            File.WriteAllBytes(Path.Combine(folder, name), input);
            read().Dispose();
        };
    }

    private static FuzzTarget Weights(string name, string folder) => new()
    {
        Name = name, Valid = [], Hostile = null!, Refusal = typeof(WeightFormatException),
        Read = input =>
        {
            File.WriteAllBytes(Path.Combine(folder, "weights"), input);
            StateDict.Read(Path.Combine(folder, "weights")).Dispose();
        },
    };

    private static FuzzTarget Data(string name, Action<byte[]> read) => new() { Name = name, Valid = [], Hostile = null!, Refusal = typeof(DataFormatException), Read = read };

    private static FuzzTarget Pictures(string name, string extension, IReadOnlyList<byte[]> valid, string folder)
    {
        var root = Path.Combine(folder, extension);
        Directory.CreateDirectory(Path.Combine(root, "a"));
        return Data(name, input =>
        {
            File.WriteAllBytes(Path.Combine(root, "a", $"x.{extension}"), input);
            ImageDataset.ImageFolder(root).Dispose();
        }) with { Valid = valid };
    }

    private static byte[] Safetensors(string folder)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "valid.safetensors");
        SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["weight"] = ones(2, 3), ["bias"] = zeros(2), ["count"] = tensor(7L), ["flag"] = ones(3, ScalarType.Bool) }, new Dictionary<string, string> { ["k"] = "v" });
        return File.ReadAllBytes(path);
    }

    private static byte[] Jpeg()
    {
        using var bitmap = SKBitmap.Decode(PngEncoder.Encode(Pixels(24 * 24 * 3), 24, 24, 3));
        using var encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, 80);
        return encoded.ToArray();
    }

    private static byte[] Pixels(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)(i * 7))];
}
