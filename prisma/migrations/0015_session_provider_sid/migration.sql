-- AlterTable
ALTER TABLE "session" ADD COLUMN     "provider_sid" TEXT;
